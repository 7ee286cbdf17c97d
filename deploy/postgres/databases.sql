-- One database per service; nobody else connects to it.
CREATE DATABASE assistant;
CREATE DATABASE identity;
