"""Colors, type and corners of the page. Fonts are the ones Gradio ships: nothing is fetched from elsewhere."""

from pathlib import Path

import gradio as gr

FOLDER = Path(__file__).parent
STYLE = FOLDER / "style.css"
ICON = FOLDER / "icon.png"

VERMILION = gr.themes.Color(
    name="vermilion",
    c50="#fdf3ee",
    c100="#fae2d6",
    c200="#f5c4ac",
    c300="#ef9f7a",
    c400="#e67a4d",
    c500="#d0572a",
    c600="#b4431c",
    c700="#943615",
    c800="#742b13",
    c900="#592212",
    c950="#331107",
)
STONE = gr.themes.Color(
    name="stone",
    c50="#faf8f4",
    c100="#f3efe8",
    c200="#e5ded3",
    c300="#cfc5b6",
    c400="#a89d8d",
    c500="#7d7265",
    c600="#625a4f",
    c700="#443d35",
    c800="#2b2621",
    c900="#1d1916",
    c950="#141110",
)
_STYLES = {
    "body_background_fill": ("*neutral_100", "*neutral_950"),
    "body_text_color": ("*neutral_900", "*neutral_100"),
    "body_text_color_subdued": ("*neutral_600", "*neutral_400"),
    "background_fill_primary": ("#ffffff", "*neutral_900"),
    "background_fill_secondary": ("*neutral_50", "*neutral_800"),
    "border_color_primary": ("*neutral_200", "*neutral_700"),
    "block_background_fill": ("transparent", "transparent"),
    "block_border_width": ("0px", "0px"),
    "block_label_background_fill": ("transparent", "transparent"),
    "block_label_border_width": ("0px", "0px"),
    "block_label_text_color": ("*neutral_600", "*neutral_400"),
    "block_title_text_color": ("*neutral_700", "*neutral_300"),
    "block_title_text_weight": ("600",),
    "block_info_text_color": ("*neutral_600", "*neutral_400"),
    "block_padding": ("0px",),
    "block_shadow": ("none",),
    "input_background_fill": ("#ffffff", "*neutral_800"),
    "input_border_width": ("1px", "1px"),
    "input_border_color": ("*neutral_300", "*neutral_700"),
    "button_primary_background_fill": ("*primary_600", "*primary_600"),
    "button_primary_background_fill_hover": ("*primary_700", "*primary_700"),
    "button_primary_text_color": ("#ffffff", "#ffffff"),
    "button_secondary_background_fill": ("*neutral_50", "*neutral_800"),
    "button_secondary_background_fill_hover": ("*neutral_200", "*neutral_700"),
    "button_secondary_border_color": ("*neutral_300", "*neutral_700"),
    "button_secondary_text_color": ("*neutral_900", "*neutral_100"),
    "button_large_text_weight": ("600",),
    "slider_color": ("*primary_600", "*primary_500"),
    "link_text_color": ("*primary_700", "*primary_300"),
}
"""Values by day and, where they differ, by night."""


def theme() -> gr.themes.Base:
    """Warm paper by day, warm ink by night, one vermilion accent; text has a contrast of at least 4.5 on both."""
    return gr.themes.Base(
        primary_hue=VERMILION,
        secondary_hue=STONE,
        neutral_hue=STONE,
        radius_size=gr.themes.sizes.radius_lg,
        font=(gr.themes.LocalFont("Source Sans Pro", weights=(400, 700)), "system-ui", "sans-serif"),
        font_mono=(gr.themes.LocalFont("IBM Plex Mono"), "ui-monospace", "monospace"),
    ).set(
        **{name: values[0] for name, values in _STYLES.items()},
        **{f"{name}_dark": values[1] for name, values in _STYLES.items() if len(values) > 1},
    )
