CREATE TABLE clients (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, industry TEXT NOT NULL, country TEXT NOT NULL, created_on TEXT NOT NULL
);
CREATE TABLE people (
  id INTEGER PRIMARY KEY, client_id INTEGER REFERENCES clients (id), name TEXT NOT NULL, email TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL CHECK (role IN ('developer', 'designer', 'tester', 'manager', 'client contact')),
  joined_on TEXT NOT NULL
);
CREATE TABLE projects (
  id INTEGER PRIMARY KEY, client_id INTEGER NOT NULL REFERENCES clients (id), name TEXT NOT NULL UNIQUE, key TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL CHECK (status IN ('active', 'on_hold', 'completed')),
  started_on TEXT NOT NULL, due_on TEXT NOT NULL, budget_usd INTEGER NOT NULL
);
CREATE TABLE tasks (
  id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects (id), title TEXT NOT NULL, description TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('todo', 'in_progress', 'review', 'done')),
  priority TEXT NOT NULL CHECK (priority IN ('low', 'medium', 'high', 'urgent')),
  assignee_id INTEGER REFERENCES people (id), estimate_hours REAL NOT NULL,
  created_on TEXT NOT NULL, due_on TEXT NOT NULL, completed_on TEXT
);
CREATE TABLE bugs (
  id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects (id), title TEXT NOT NULL,
  severity TEXT NOT NULL CHECK (severity IN ('minor', 'major', 'critical')),
  status TEXT NOT NULL CHECK (status IN ('open', 'in_progress', 'fixed', 'closed')),
  reporter_id INTEGER NOT NULL REFERENCES people (id), assignee_id INTEGER REFERENCES people (id),
  reported_on TEXT NOT NULL, fixed_on TEXT
);
CREATE TABLE user_stories (
  id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects (id), title TEXT NOT NULL,
  as_a TEXT NOT NULL, i_want TEXT NOT NULL, so_that TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('draft', 'ready', 'in_progress', 'done')), points INTEGER NOT NULL
);
CREATE TABLE comments (
  id INTEGER PRIMARY KEY, task_id INTEGER REFERENCES tasks (id), bug_id INTEGER REFERENCES bugs (id),
  author_id INTEGER REFERENCES people (id), body TEXT NOT NULL, created_at TEXT NOT NULL
);
CREATE TABLE commits (
  id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects (id), task_id INTEGER REFERENCES tasks (id),
  author_id INTEGER NOT NULL REFERENCES people (id), sha TEXT NOT NULL UNIQUE, message TEXT NOT NULL, committed_at TEXT NOT NULL
);
CREATE INDEX tasks_by_project ON tasks (project_id, status);
CREATE INDEX bugs_by_project ON bugs (project_id, status);
CREATE INDEX comments_by_task ON comments (task_id);
CREATE INDEX commits_by_project ON commits (project_id, committed_at);
