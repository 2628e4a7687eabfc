"""What the cards of the embedded weights share."""


def table(title: str, rows: dict[str, float]) -> str:
    """Numbers by name as a Markdown table."""
    lines = [f"| {title} | |", "| --- | --- |", *(f"| {name} | {value:.3f} |" for name, value in rows.items())]
    return "\n".join(lines)
