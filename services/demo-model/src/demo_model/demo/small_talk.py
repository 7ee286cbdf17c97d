"""What needs no looking up: greetings, who is speaking, what can be done."""

import re
from collections.abc import Collection

from demo_model.demo.intents import Topic

NO_DATABASE = (
    "I have no database tool at the moment, so I can't look anything up. Try again in a moment."
)
SUGGESTIONS = (
    "How many open tasks does each project have?",
    "Set task 42 to done",
    "Show a chart of open bugs by severity",
)
_HOW_TO_GET_A_REAL_MODEL = (
    "For a real one set `OPENAI_API_KEY` (and `OPENAI_BASE_URL` and `STEWARD_MODEL` for another provider or a server "
    "of your own) in `.env` and start Steward again."
)
_TEXTS = {
    Topic.HELLO: "Hello! I am Steward's demo model. Ask me about the projects, tasks and bugs of the sample tracker.",
    Topic.THANKS: "You're welcome.",
    Topic.BYE: "Goodbye!",
    Topic.HOW_ARE_YOU: "All is well, thank you. What would you like to know?",
    Topic.WHO_ARE_YOU: (
        "I am Steward's built-in demo model: a set of rules, not a language model. I understand a range of simple "
        "questions about the sample project tracker, so that Steward can be tried without a key. "
        f"{_HOW_TO_GET_A_REAL_MODEL}"
    ),
    Topic.FOREIGN: (
        "I only understand English. A real model, set with `OPENAI_API_KEY` in `.env`, understands more languages."
    ),
    Topic.DELETE: (
        "I can't delete anything: this assistant changes only what has been declared for it. "
        "I can set a task's status or add a comment, and I ask you first."
    ),
    Topic.NO_CHANGE: "All right, I change nothing.",
    Topic.YES: (
        "A yes here approves nothing: whatever changes something waits for a click in its own dialog. "
        "If there is none, ask again for what you want."
    ),
    Topic.UNDO: "I can't undo a change, but I can set a status anew: “Reopen task 42”.",
    Topic.WHO_AM_I: "I don't know which person of the tracker you are. Name one: “Tasks assigned to Anna”.",
}
_PATTERNS = {
    Topic.HELP: (
        r"(so |and |ok |hi |hello )?what (can|could|do) (you|i) (actually )?(do|ask|ask you|know)( here| for me)?",
        r"help( me)?( please)?|how can you help( me)?|how does this work|capabilities",
        r"what are (you able to do|your (abilities|skills))|what is (this|steward)",
        r"(show |list )?(me )?your (abilities|capabilities|tools)",
        r"(which|what) tools (do you have|can you use|are there)",
        r"how do i (get|set|use) (a|my) (real model|real one|key|api key)",
    ),
    Topic.WHO_ARE_YOU: (
        r"(and )?(who|what) are you( exactly| really)?|what('s| is) your name",
        r"are you (an? |chat)?(ai|bot|gpt|human|person|real|language model|real model|llm|demo|chatgpt)( person)?",
        r"(what|which) (ai )?model (are you|is this|do you use)",
    ),
    Topic.THANKS: (
        r"(ok(ay)?[, ]+)?(many )?(thanks?( you)?|thx|cheers)( a lot| so much| very much| again)?",
        r"great|perfect|nice|cool|ok(ay)?|good|well done|awesome|got it|i see|very good|great,? thanks?( you)?",
    ),
    Topic.BYE: (r"(good ?)?bye( bye)?( for now)?|see you( later| soon)?|good night|ciao",),
    Topic.HOW_ARE_YOU: (r"((hello|hi|hey)[, ]+)?(and )?how (are|do) you( doing| do)?( today)?",),
    Topic.HELLO: (
        r"(hello|hi+|hey|good (morning|afternoon|evening)|howdy|greetings|moin|hallo|yo)"
        r"( there| steward| everyone| you| again)?|test(ing)?|ping",
    ),
    Topic.DELETE: (
        r"((please|can you|could you) )*(delete|drop|remove|erase|wipe|truncate|destroy)\b.*",
    ),
    Topic.YES: (
        r"(ok(ay)? )?(yes|yep|sure|approved?|confirm(ed)?|go ahead)( please| (do )?(it|that))?"
        r"|(yes |ok(ay)? )?(please )?do (it|that|so)",
    ),
    Topic.UNDO: (
        r"(please )?(undo|revert|roll back|take back)( (it|that|this|the (last )?change))?",
    ),
    Topic.NO_CHANGE: (r"(no|nope|no thanks?( you)?|never ?mind|nothing|cancel|stop)",),
}
_RULES = {about: re.compile("|".join(patterns)) for about, patterns in _PATTERNS.items()}
_UNDERSTOOD = {"query", "list_tables", "set_task_status", "add_comment"}
_FOREIGN_WORDS = (
    "wie viele|welche|zeige?|bitte|aufgaben|und|nicht|gibt es|danke|wer|sind|setze|guten"
    "|combien|quel(?:le)?s?|montre|tâches?|bonjour|merci|est|les|des|une"
    "|cuánt[ao]s|cuáles|muestra|tareas|por favor|hola|gracias|quanti|quali|ciao|attività|quantas|tarefas|olá"
    "|hoeveel|zijn|een|het|alstublieft|ile|zadań|kaç|görev|hur många|uppgifter"
)
_FOREIGN = re.compile(rf"[¿¡]|\b(?:{_FOREIGN_WORDS})\b")


def small_talk(text: str) -> Topic | None:
    """What is talked about; None when it is something else."""
    plain = " ".join(re.sub(r"[!?.,;:…]+(?=\s|$)", "", text.lower().replace("’", "'")).split())
    return next((about for about, rule in _RULES.items() if rule.fullmatch(plain)), None)


def is_foreign(text: str) -> bool:
    """Whether this looks like another language: other letters, or words that English does not have."""
    letters = [character for character in text if character.isalpha()]
    strange = sum(character > "ɏ" for character in letters)  # beyond the Latin letters
    return bool(letters) and (strange * 2 > len(letters) or bool(_FOREIGN.search(text.lower())))


def say(about: Topic, tools: Collection[str]) -> str:
    """The answer. `tools` are the short names of those that the request offers."""
    return _help(tools) if about is Topic.HELP else _TEXTS[about]


def not_understood() -> str:
    examples = "\n".join(f"- {text}" for text in SUGGESTIONS)
    return f"I am only a demo model and did not understand that. These work:\n\n{examples}"


def _help(tools: Collection[str]) -> str:
    can: list[str] = []
    if "query" in tools:
        can += [
            "**count and list** projects, tasks, bugs, user stories, commits and people: "
            "“How many open tasks does each project have?”, “List urgent tasks in Harbor”",
            "**draw a chart**: “Show a chart of open bugs by severity”",
            "**show one task**: “What is task 42?”, “Comments on task 42”",
        ]
    if "list_tables" in tools:
        can.append("**list the tables** of the database: “List tables”")
    if "set_task_status" in tools:
        can.append("**set a task's status**, after you said yes: “Set task 42 to done”")
    if "add_comment" in tools:
        can.append("**add a comment**, after you said yes: “Add a comment to task 42: Looks good”")
    if others := sorted(set(tools) - _UNDERSTOOD):
        can.append(f"**use any other tool** by its name: “Use {others[0]}”")
    listed = "\n".join(f"- {line}" for line in can)
    intro = f"With the tools I have here I can\n\n{listed}\n\n" if can else f"{NO_DATABASE}\n\n"
    return f"{intro}I am a demo: rules, not a language model. {_HOW_TO_GET_A_REAL_MODEL}"
