"""Says of a style whether text is seen: hiding tricks of pages and mails that speak to programs. Pure."""

from dataclasses import dataclass, replace

from shared.untrusted.css import FONT_PX, Colour, colour, length_px, numbers_in, share

TINY_PX = 4.0
FAINT = 0.1
FAR_PX = 400.0
MIN_DISTANCE = 24
"""Sum of the differences of red, green and blue below which nobody reads one colour on the other."""

Style = dict[str, str]


@dataclass(frozen=True, slots=True)
class Look:
    """How the text at a place looks, as far as it decides whether it is seen."""

    is_gone: bool = False
    """Nothing below can be seen, whatever it says of itself."""
    is_invisible: bool = False
    """What is below can say otherwise (visibility)."""
    font_px: float = FONT_PX
    text: Colour = (0, 0, 0)
    text_alpha_is_none: bool = False
    behind: Colour = (255, 255, 255)

    @property
    def is_seen(self) -> bool:
        """Whether text right here is seen."""
        distance = sum(abs(a - b) for a, b in zip(self.text, self.behind, strict=True))
        return not (
            self.is_gone
            or self.is_invisible
            or self.text_alpha_is_none
            or self.font_px < TINY_PX
            or distance < MIN_DISTANCE
        )


def look_of(parent: Look, style: Style) -> Look:
    """The look inside an element with that style."""
    if not style:
        return parent
    font_px = _font_px(style, parent.font_px)
    behind = _behind(style, parent.behind)
    text, is_none = _text(style, parent, behind)
    visibility = style.get("visibility", "")
    return replace(
        parent,
        is_gone=parent.is_gone or _is_gone(style, font_px),
        is_invisible=visibility in {"hidden", "collapse"}
        or (parent.is_invisible and visibility not in {"visible", "initial"}),
        font_px=font_px,
        text=text,
        text_alpha_is_none=is_none,
        behind=behind,
    )


def _font_px(style: Style, parent_px: float) -> float:
    told = style.get("font-size")
    if told is None and "font" in style:
        # font: [style] size[/line-height] family - the first number that has a unit or is zero.
        sizes = [one for one in numbers_in(style["font"]) if one[1] or one[0] == 0]
        told = f"{sizes[0][0]}{sizes[0][1]}" if sizes else None
    if told is None:
        return parent_px
    if told.endswith("%"):
        part = share(told)
        return parent_px * part if part is not None else parent_px
    size = length_px(told, parent_px)
    if size is not None:
        return size
    return parent_px if told in {"inherit", "larger", "smaller"} or "(" in told else FONT_PX


def _behind(style: Style, parent: Colour) -> Colour:
    for name in ("background-color", "background", "background-image"):
        if name in style and (seen := colour(style[name], parent)) is not None:
            return seen
        for word in style.get(name, "").split()[:6]:
            if (seen := colour(word, parent)) is not None:
                return seen
    return parent


def _text(style: Style, parent: Look, behind: Colour) -> tuple[Colour, bool]:
    told = style.get("-webkit-text-fill-color") or style.get("color")
    if told is None or told in {"inherit", "currentcolor"}:
        return parent.text, parent.text_alpha_is_none
    if told == "transparent":
        return parent.text, True
    seen = colour(told, behind)
    return (parent.text, parent.text_alpha_is_none) if seen is None else (seen, False)


def _is_gone(style: Style, font_px: float) -> bool:
    return (
        style.get("display", "").split(" ")[0] == "none"
        or style.get("mso-hide") == "all"
        or style.get("content-visibility") == "hidden"
        or _is_faint(style)
        or _is_clipped(style, font_px)
        or _is_away(style, font_px)
    )


def _is_faint(style: Style) -> bool:
    opacity = share(style["opacity"]) if "opacity" in style else None
    if opacity is not None and opacity <= FAINT:
        return True
    for filter_ in (style.get("filter", ""), style.get("-webkit-filter", "")):
        for name in ("opacity(", "alpha(opacity="):
            if name in filter_:
                left = share(filter_.partition(name)[2])
                if left is not None and left / (100 if "alpha" in name else 1) <= FAINT:
                    return True
    return False


def _is_clipped(style: Style, font_px: float) -> bool:
    overflow = style.get("overflow") or style.get("overflow-y") or style.get("overflow-x", "")
    if overflow.split(" ")[0] in {"hidden", "clip", "scroll", "auto"}:
        for name in ("height", "max-height", "width", "max-width", "line-height"):
            size = length_px(style[name], font_px) if name in style else None
            if size is not None and size <= 2:
                return True
    elif (size := length_px(style.get("max-height", "x"), font_px)) is not None and size <= 0:
        return True
    return _is_cut_out(style.get("clip", "")) or _is_cut_out(
        style.get("clip-path", "") or style.get("-webkit-clip-path", "")
    )


def _is_cut_out(clip: str) -> bool:
    numbers = [number for number, _ in numbers_in(clip)]
    if clip.startswith("rect"):
        return bool(numbers) and max(numbers) - min(numbers) <= 2
    if clip.startswith("inset"):
        return bool(numbers) and numbers[0] >= 50
    if clip.startswith(("circle", "ellipse")):
        return bool(numbers) and numbers[0] <= 0
    return clip.startswith("polygon") and not any(numbers)


def _is_away(style: Style, font_px: float) -> bool:
    """Moved to where no window reaches."""
    names = ["text-indent", "margin-left", "margin-top", "margin"]
    if style.get("position") in {"absolute", "fixed", "relative", "sticky"}:
        names += ["left", "top", "right", "bottom", "inset"]
    for name in names:
        size = length_px(style[name], font_px) if name in style else None
        if size is not None and (size <= -FAR_PX or size >= 10 * FAR_PX):
            return True
    transform = style.get("transform", "") or style.get("-webkit-transform", "")
    moved = [number for number, _ in numbers_in(transform)]
    if "scale" in transform and moved and min(map(abs, moved)) < 0.05:
        return True
    return "translate" in transform and any(abs(number) >= FAR_PX for number in moved)
