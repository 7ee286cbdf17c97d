"""Stretches of days around today, as people name them. Weeks begin on Monday."""

from datetime import date, timedelta

from demo_model.demo.intents import Window


def days_of(window: Window, today: date) -> tuple[date, date]:
    """First day and the day after the last."""
    monday = today - timedelta(days=today.weekday())
    first = today.replace(day=1)
    match window:
        case Window.YESTERDAY:
            return today - timedelta(days=1), today
        case Window.TODAY:
            return today, today + timedelta(days=1)
        case Window.TOMORROW:
            return today + timedelta(days=1), today + timedelta(days=2)
        case Window.LAST_WEEK:
            return monday - timedelta(days=7), monday
        case Window.THIS_WEEK:
            return monday, monday + timedelta(days=7)
        case Window.NEXT_WEEK:
            return monday + timedelta(days=7), monday + timedelta(days=14)
        case Window.LAST_MONTH:
            return (first - timedelta(days=1)).replace(day=1), first
        case Window.THIS_MONTH:
            return first, _next_month(first)
        case Window.NEXT_MONTH:
            return _next_month(first), _next_month(_next_month(first))


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
