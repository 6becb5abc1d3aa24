"""The addresses of the registry and of the rules."""

from __future__ import annotations

from django.urls import URLPattern, path

from anlan.entrypoints.web.pages import (
    clocks,
    maintaining,
    registry,
    registry_edits,
    registry_packs,
    registry_tables,
    registry_thing,
    rules,
    version_edits,
)

PATTERNS: list[URLPattern] = [
    path("registry", registry.overview),
    path("registry/findings", registry.findings),
    path("registry/pack", registry_packs.packs),
    path("registry/pack/download", registry_packs.download),
    path("registry/pack/upload", registry_packs.upload),
    path("registry/pack/load", registry_packs.load),
    path("registry/table/<str:kind>.csv", registry_tables.download),
    path("registry/table/<str:kind>/upload", registry_tables.upload),
    path("registry/table/<str:kind>/take", registry_tables.take),
    path("registry/table/<str:kind>", registry_tables.table),
    path("registry/new-person", registry_edits.person),
    path("registry/new/<str:kind>", registry_edits.new),
    path("registry/holders/<str:key>/contact", registry_thing.contact),
    path("registry/posts/<str:key>/roster", registry_edits.roster),
    path("registry/sensors/<str:key>/replace", registry_edits.device),
    path("registry/sensors/<str:key>/maintenance", maintaining.begin),
    path("registry/sensors/<str:key>/maintenance/<int:number>/end", maintaining.end),
    path("registry/<str:kind>", registry.listing),
    path("registry/<str:kind>/<str:key>", registry_thing.thing),
    path("registry/<str:kind>/<str:key>/edit", registry_edits.edit),
    path("registry/<str:kind>/<str:key>/facts", registry_edits.facts),
    path("rules", rules.rules),
    path("rules/<str:rule>", rules.rule_page),
    path("rules/<str:rule>/try", rules.try_rule),
    path("rules/<str:rule>/edit", version_edits.edit_rule),
    path("clocks", clocks.clocks),
    path("clocks/<str:clock>", clocks.clock_page),
    path("clocks/<str:clock>/edit", version_edits.edit_clock),
]
