"""Instruments of turns."""

from prometheus_client import Counter, Gauge, Histogram

turns_running = Gauge("orchestrator_turns_running", "Turns this process is taking further.")
turns_finished = Counter("orchestrator_turns_finished_total", "Turns that ended.", ["outcome"])
replies_finished = Counter("orchestrator_model_replies_total", "Complete replies of the model.")
first_text_seconds = Histogram(
    "orchestrator_first_text_seconds",
    "From the question to the first text of the answer.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32),
)
sentences_checked = Counter(
    "orchestrator_sentences_checked_total",
    "Sentences that cite, by what became of them.",
    ["support", "judged_by"],
)
calls_finished = Counter(
    "orchestrator_tool_calls_total", "Tool calls that ended.", ["server", "state"]
)
