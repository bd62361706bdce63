import pytest

from tests.factories import make_case, make_expert, make_trial, make_user, seal


@pytest.fixture
def tiny(db):
    trial = make_trial()
    seal(trial)
    return trial


@pytest.fixture
def case(tiny):
    return make_case(tiny, tiny.sites.get(key="north"))


@pytest.fixture
def alice(case):
    """Leads the case's team."""
    return make_expert(case, lead=True)


@pytest.fixture
def bob(case):
    """Is on the team."""
    return make_expert(case, profession="psychologist")


@pytest.fixture
def charlie(tiny):
    """An expert at the site, on no team."""
    return make_user("expert", site=tiny.sites.get(key="north"))


@pytest.fixture
def coordinator(case):
    return make_user("coordinator", site=case.participant.site)
