"""The Gradio page: its contents, and the decision that each button stores."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from builder.manifest import CheckResult
from builder.review.items import ReviewItem
from builder.review.session import Progress, ReviewSession, annotator_name
from builder.verify.wording import wording
from mma_bench.files.text import one_line

_FOLDER = Path(__file__).parent
_WHAT = {
    "visual_muted": "visual, video only",
    "audio_black": "audio, audio only",
    "visual_full": "visual, whole clip",
    "audio_full": "audio, whole clip",
}
_MARK = {"yes": "✓", "no": "✗", "unparsed": "?"}
_LEGEND = (
    '<div class="legend"><kbd>Y</kbd> yes &nbsp; <kbd>N</kbd> no &nbsp; <kbd>U</kbd> unsure &nbsp; '
    "<kbd>Z</kbd> undo<br><kbd>Space</kbd> play or pause &nbsp; <kbd>R</kbd> from the start</div>"
)


def style() -> str:
    """Return the page's style sheet."""
    return (_FOLDER / "page.css").read_text(encoding="utf-8")


def script() -> str:
    """Return the page's script, as an element for the head."""
    return f"<script>{(_FOLDER / 'page.js').read_text(encoding='utf-8')}</script>"


def make_page(session: ReviewSession, annotator: str) -> Any:
    """Return the page as Gradio blocks.

    Args:
        session: the review.
        annotator: whose decisions these are; empty to ask for a name. `?annotator=` in the address takes precedence.
    """
    import gradio as gr

    with gr.Blocks(title="mma-bench review", analytics_enabled=False, fill_width=True) as page:
        who = gr.Textbox(visible="hidden", elem_id="who")
        item = gr.Textbox(visible="hidden", elem_id="item")
        top = gr.HTML(elem_id="top")
        with gr.Row(visible=False) as body:
            with gr.Column(scale=12, min_width=420):
                stage = gr.HTML()
            with gr.Column(scale=9, min_width=330):
                side = gr.HTML()
                with gr.Row(elem_classes="judge"):
                    yes = gr.Button("Yes (Y)", elem_id="judge-yes")
                    no = gr.Button("No (N)", elem_id="judge-no")
                    unsure = gr.Button("Unsure (U)", elem_id="judge-unsure")
                undo = gr.Button("Undo (Z)", elem_id="judge-undo", size="sm")
                gr.HTML(_LEGEND)
        outputs = [who, item, top, body, stage, side, yes, no, unsure, undo]

        def begin(request: gr.Request) -> list[Any]:
            asked = request.query_params.get("annotator")
            name = annotator if asked is None else annotator_name(str(asked))
            if not name:
                return [gr.skip()] * 2 + [render("name_form"), gr.update(visible=False)] + [gr.skip()] * 6
            return show(session.progress(name))

        def show(progress: Progress) -> list[Any]:
            shown = progress.item is not None
            return [
                progress.annotator,
                progress.item.item_id if progress.item else "",
                render("header", progress, session.blind),
                gr.update(visible=True),
                render("player", progress.item) if shown else render("finished", progress),
                side_of(progress.item, blind=session.blind) if progress.item else "",
                *[gr.update(interactive=shown)] * 3,
                gr.update(interactive=progress.can_undo),
            ]

        def judge(judgement: Any) -> Any:
            def store(name: str, item_id: str) -> list[Any]:
                return show(session.judge(_checked(name), str(item_id), judgement))

            return store

        # Not through Gradio's queue: its events would wait for a second connection, and a decision is fast.
        quick: Any = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        page.load(begin, None, outputs, **quick)
        for button, judgement in ((yes, "yes"), (no, "no"), (unsure, "unsure")):
            button.click(judge(judgement), [who, item], outputs, **quick)
        undo.click(lambda name: show(session.undo(_checked(name))), who, outputs, **quick)
    return page


def side_of(item: ReviewItem, *, blind: bool) -> str:
    """Return label and, unless ``blind``, the model's answers."""
    names = [wording().readable(label) for label in (item.row.visual_label, item.row.audio_label)]
    names = [name[:1].upper() + name[1:] for name in names]
    return render("side", item, names, [] if blind else [_answer(check) for check in item.row.checks], blind)


def render(part: str, *values: Any) -> str:
    """Return a part of the page; every value is escaped."""
    return str(getattr(_template().module, part)(*values))


def _answer(check: CheckResult) -> dict[str, Any]:
    percent = None if check.yes_probability is None else round(100 * check.yes_probability)
    words = one_line(check.text, 200, hidden=" ")
    return {
        "what": _WHAT.get(check.check, check.check),
        "said": check.said,
        "mark": _MARK.get(check.said, ""),
        "percent": percent,
        "words": words,
    }


def _checked(given: Any) -> str:
    name = annotator_name(str(given))
    if not name:
        import gradio as gr

        raise gr.Error("Who is judging? Reload the page and give a name.")
    return name


@cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.jinja")
