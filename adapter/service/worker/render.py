"""Pictures and videos of a domain that is there already, on the GPU's side."""

import functools
from collections.abc import Iterator

from adapter.adaptation import Domain
from adapter.service import models
from adapter.service.requests import PresentRequest, Update
from adapter.service.scene import DomainScene, Identities
from adapter.service.worker import outputs


def run(request: PresentRequest) -> Iterator[Update]:
    """Render and write; see `adapter.service.jobs.present_job`."""
    generator = models.generator(request.base)
    domain = Domain.load(request.domain)
    parts = domain.apply(generator, request.strength)
    people = Identities.draw(generator, request.people, request.cast, request.truncation)
    clock = outputs.Clock(DomainScene(people, parts), 0.0)
    yield from outputs.write(
        request,
        functools.partial(DomainScene, parts=parts),
        people,
        clock,
        domain=request.domain,
        steps=0,
        settings={**described(domain), "strength": request.strength, "truncation": request.truncation},
    )


def described(domain: Domain) -> dict:
    """What a domain file says about how it was made, as `AdaptRequest` names it."""
    about = domain.metadata
    preset = about.settings.get("preset", "")
    stages = about.settings.get("stages", [])
    steps = sum(stage.get("steps", 0) for stage in stages if isinstance(stage, dict))
    return {
        "method": about.method,
        "preset": preset,
        "steps": steps,
        "seed": about.seed,
        "prompt": about.prompt or "",
        "base": about.base,
        "licence": about.licence,
    }
