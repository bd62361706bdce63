"""Puts a snapshot together: what it is about, its files and its manifest."""

from datetime import datetime
from typing import Any

from django.conf import settings

from analysis.export.deviations import deviations_table
from analysis.export.items import left_out_items
from analysis.export.masking import draw_mask, is_clustered, no_mask
from analysis.export.participants import participants_table
from analysis.export.responses import response_tables
from analysis.export.scope import Scope
from analysis.export.tables import Table
from analysis.export.weekly import weekly_table
from analysis.statistics.snapshot_file import FORMAT
from randomization.selectors import allocation_times, arms_for_analysis
from trial.audit.selectors import head
from trial.people.models import Participant, Site
from trial.people.selectors import without_data_withdrawn
from trial.protocol.models import ProtocolVersion, Trial, TrialStatus
from trial.protocol.schema import SustainedReturn, WorkingRule
from trial.protocol.selectors import protocol_of, status_of


def scope_of(trial: Trial, *, now: datetime) -> Scope:
    """What a snapshot of the trial is about at `now`. Draws a new mask unless the data are locked."""
    in_force = ProtocolVersion.objects.filter(activations__isnull=False, trial=trial).select_related("trial")
    versions = tuple(in_force.order_by("-activations__id"))
    if not versions:
        raise ProtocolVersion.DoesNotExist
    protocol, sites = protocol_of(versions[0]), list(Site.objects.filter(trial=trial))
    locked = status_of(trial) == TrialStatus.Name.LOCKED
    return Scope(
        trial=trial,
        versions=versions,
        mask=no_mask(protocol, sites) if locked else draw_mask(protocol, sites),
        arms=arms_for_analysis(trial=trial, reason="snapshot", now=now),
        randomized_at=dict(allocation_times(trial)),
        now=now,
    )


def tables_of(scope: Scope) -> list[Table]:
    """The files of a snapshot, except the codebook, which follows from them."""
    return [participants_table(scope), deviations_table(scope), weekly_table(scope), *response_tables(scope)]


def manifest_of(scope: Scope) -> dict[str, Any]:
    """What the files are, where they come from and how to analyse them; rows and hashes are added as
    they are written."""
    protocol, version = scope.protocol, scope.versions[0]
    everybody = Participant.objects.filter(trial=scope.trial)
    return {
        "format": FORMAT,
        "trial": scope.trial.slug,
        "registration": protocol.registration,
        "made_at": scope.now.isoformat(),
        "protocol": {"version": version.version, "sha256": version.sha256},
        "code_version": settings.CODE_VERSION,
        "audit_head": head(),
        "masked": scope.mask.masked,
        "arms": scope.mask.labels(),
        "plan": _plan(scope),
        "participants_left_out": {
            "withdrew_data": everybody.count() - without_data_withdrawn(everybody).count()
        },
        "items_left_out": left_out_items(protocol, scope.instruments().values()),
    }


def _plan(scope: Scope) -> dict[str, Any]:
    """The analysis plan as `statistics.outcomes.Plan` reads it."""
    plan = scope.protocol.analysis
    return {
        "rule_version": plan.rule_version,
        "week": plan.working.week,
        "working": _rule(plan.working),
        "sustained": _rule(plan.sustained),
        "confidence": plan.confidence,
        "missing": plan.missing.in_("en"),
        "clustered": is_clustered(scope.protocol),
        "reference_arm": None if scope.mask.masked else plan.reference_arm,
    }


def _rule(rule: WorkingRule | SustainedReturn) -> dict[str, Any]:
    return {"consecutive_weeks": rule.consecutive_weeks, "maximum_days": float(rule.maximum_days)}
