"""Those who search the web for us, each in a module of its own, all behind `port.Provider`."""
