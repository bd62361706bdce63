"""Everything that somebody may be allowed to do, by name."""

from enum import StrEnum


class Permission(StrEnum):
    """Asked of `user.has_perm(permission, trial_or_site)` or `trial.people.selectors.has_permission`."""

    VIEW_OFFICE = "view_office"
    VIEW_PARTICIPANT = "view_participant"
    READ_IDENTITY = "read_identity"
    VERIFY_ELIGIBILITY = "verify_eligibility"
    RANDOMIZE = "randomize"
    VIEW_ARM = "view_arm"
    """Never granted in a blinded trial, except together with VIEW_BLINDED_ARM: so whoever asks for it knows
    whether an arm may be shown there, whatever the trial is."""
    VIEW_BLINDED_ARM = "view_blinded_arm"
    """Makes VIEW_ARM and MANAGE_CASE hold in a blinded trial."""
    UNBLIND = "unblind"
    """Ask for the arm of one participant in an emergency, and release it."""
    VIEW_UNBLINDINGS = "view_unblindings"
    """Read the report of who was unblinded, by whom and why; never an arm."""
    RESERVE_ENVELOPES = "reserve_envelopes"
    RECORD_DEVIATION = "record_deviation"
    VIEW_RANDOMIZATION_DESIGN = "view_randomization_design"
    SEAL_LIST = "seal_list"
    RESOLVE_REPLY = "resolve_reply"
    RECORD_CALL = "record_call"
    RECORD_STATUS = "record_status"
    VIEW_HEALTH_ANSWERS = "view_health_answers"
    VIEW_CASE = "view_case"
    WRITE_CASE = "write_case"
    MANAGE_CASE = "manage_case"
    VIEW_DATA_ROOM = "view_data_room"
    DOWNLOAD_EXPORT = "download_export"
    MANAGE_TRIAL = "manage_trial"
    MANAGE_MEMBERS = "manage_members"
    VIEW_AUDIT = "view_audit"
    VIEW_SYSTEM = "view_system"
