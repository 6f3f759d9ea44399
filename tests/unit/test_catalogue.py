"""A broken offering stops the boot: by file and line, with what to do."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot import catalogue as catalogues
from bot.catalogue import Catalogue
from bot.errors import Misconfigured
from bot.handler import Done, Handler, Outputs, Resource

JIRA = {"JIRA_URL": "http://127.0.0.1:9", "JIRA_USER": "f@example.com", "JIRA_TOKEN": "secret"}
GOOD = '''"""VPN access"""

from bot import Approval, Form, Offering, Request
from bot.handlers import jira, manual


class Vpn(Form):
    laptop: str


vpn = Offering("vpn", Vpn, owner="@it", notify="#it", approval=Approval("@security"))


@vpn.step
def profile(request: Request[Vpn]) -> manual.Task:
    return manual.Task(group="@it", instructions=f"Make a VPN profile for {request.form.laptop}")
'''
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def files(**sources: str) -> Path:
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        return tmp_path

    return files


def refusal(folder: Path, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(Misconfigured) as refused:
        catalogues.load(folder, environment or {})
    assert refused.value.where
    assert refused.value.hint
    return str(refused.value)


def line_of(source: str, text: str) -> int:
    return source[: source.index(text)].count("\n") + 1


def test_a_good_offering_is_loaded_with_the_handler_it_needs(write: Write) -> None:
    loaded = catalogues.load(write(vpn=GOOD), {})
    offering = loaded.offering("vpn")
    assert offering is not None
    assert (offering.title, offering.version, list(offering.steps)) == ("VPN access", "v1", ["profile"])
    # jira is not set up, and nobody needs it
    assert set(loaded.handlers) == {"command", "manual", "message", "webhook"}
    assert loaded.offering("vpn", "v2") is None
    assert loaded.offering("gone") is None
    assert loaded.newest() == [offering]


def change(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


BROKEN = {
    "a syntax error": (change("class Vpn(Form):", "class Vpn(Form:"), "class Vpn", "SyntaxError", "frontdesk check"),
    "an unknown import": (
        change("from bot.handlers import jira, manual", "from bot.handlers import jira, manuel"),
        "from bot.handlers",
        "ImportError: cannot import name 'manuel'",
        "Mend the file",
    ),
    "a module that is not there": (
        change("from bot.handlers", "import nowhere\nfrom bot.handlers"),
        "import nowhere",
        "No module named 'nowhere'",
        "Mend the file",
    ),
    "a bug while it is read": (
        change('notify="#it", ', 'notify="#it", colour="red", '),
        "vpn = ",
        "TypeError",
        "Mend the file",
    ),
    "an approval by nobody": (
        change('Approval("@security")', "Approval()"),
        "vpn = ",
        "An approval names at least one approver",
        "Mend the file",
    ),
    "no steps": (GOOD[: GOOD.index("@vpn.step")], "vpn = ", "vpn has no steps", "Add a @offering.step."),
    "only early steps": (
        change("@vpn.step", "@vpn.step(early=True)"),
        "vpn = ",
        "has only early steps",
        "Make at least one step without early=True",
    ),
    "a step that does not say what it returns": (
        change(" -> manual.Task:", ":"),
        "@vpn.step",
        "the step 'profile' does not say what it returns",
        "Annotate it with a resource",
    ),
    "a step that returns no resource": (
        change("-> manual.Task:", "-> str:"),
        "@vpn.step",
        "does not say what it returns",
        "Annotate it",
    ),
    "a name that cannot be typed": (
        change('"vpn", Vpn', '"VPN access", Vpn'),
        "vpn = ",
        "'VPN access'",
        "Use a-z, 0-9 and -",
    ),
    "a field that is public and is none": (
        change('notify="#it", ', 'notify="#it", public=["laptop", "lap"], '),
        "vpn = ",
        "public= names 'lap'",
        "The form has laptop.",
    ),
    "a resource that nobody makes real": (
        change(
            "from bot.handlers import jira, manual", "from bot.handler import Resource\n\nclass Cake(Resource): ...\n"
        )
        .replace("-> manual.Task", "-> Cake")
        .replace("manual.Task(", "Cake("),
        "vpn = ",
        "vpn returns a Cake, which no handler makes real",
        "Install the plug-in",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_said_by_file_and_line_with_what_to_do(write: Write, what: str) -> None:
    source, at, said, hint = BROKEN[what]
    told = refusal(write(vpn=source))
    assert told.startswith(f"{write() / 'vpn.py'}:{line_of(source, at)}: "), told
    assert said in told
    assert hint in told


def test_an_annotation_that_names_nothing_says_which(write: Write) -> None:
    source = GOOD.replace("-> manual.Task:", '-> "manuel.Task":')
    with pytest.raises(Misconfigured, match="the step 'profile' names an unknown type: name 'manuel'") as refused:
        catalogues.load(write(vpn=source), {})
    assert refused.value.where == f"{write() / 'vpn.py'}:{line_of(source, '@vpn.step')}"


def test_two_steps_of_one_name_are_refused_at_the_second(write: Write) -> None:
    step = GOOD[GOOD.index("@vpn.step") :]
    with pytest.raises(Misconfigured, match="'vpn' has two steps called 'profile'") as refused:
        catalogues.load(write(vpn=f"{GOOD}\n\n{step}"), {})
    assert refused.value.where == f"{write() / 'vpn.py'}:{line_of(GOOD, '@vpn.step') + step.count(chr(10)) + 2}"


def test_one_name_and_version_twice_is_refused_and_says_where_the_other_one_is(write: Write) -> None:
    folder = write(a=GOOD, b=GOOD)
    told = refusal(folder)
    line = line_of(GOOD, "vpn = ")
    assert told.startswith(f"{folder / 'b.py'}:{line}: vpn v1 is declared twice, first at {folder / 'a.py'}:{line}.")


def test_two_versions_stand_side_by_side_and_the_newest_is_offered(write: Write) -> None:
    newer = [GOOD.replace('"vpn", Vpn,', f'"vpn", Vpn, version="v{number}",') for number in (2, 10)]
    loaded = catalogues.load(write(a=newer[1], b=GOOD, c=newer[0]), {})
    assert [offering.version for offering in loaded.newest()] == ["v10"]
    assert list(loaded.offerings["vpn"]) == ["v1", "v2", "v10"]
    second = loaded.offering("vpn", "v2")
    assert second is not None
    assert second.version == "v2"


def test_a_file_that_uses_what_another_one_declares_does_not_offer_it_twice(write: Write) -> None:
    other = GOOD.replace('"vpn", Vpn', '"vpn-two", Vpn') + "\nfrom offerings.vpn import vpn as first\n"
    loaded = catalogues.load(write(vpn=GOOD, zwei=other), {})
    assert sorted(loaded.offerings) == ["vpn", "vpn-two"]


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    told = refusal(tmp_path / "nowhere")
    assert told == f"{tmp_path / 'nowhere'}: is not a folder. Set OFFERINGS to your folder of offerings."


def test_a_folder_without_an_offering_is_said(write: Write) -> None:
    assert "holds no offering. Write one: see offerings/README.md." in refusal(write(empty='"""Nothing yet."""\n'))


def test_a_file_that_cannot_be_imported_by_its_name_is_said(write: Write) -> None:
    folder = write()
    (folder / "my-vpn.py").write_text(GOOD)
    assert (
        refusal(folder) == f"{folder / 'my-vpn.py'}: cannot be imported. Use letters, digits and _ in the file's name."
    )


def test_a_missing_setting_is_named_with_the_offering_that_needs_it(write: Write) -> None:
    source = GOOD.replace("-> manual.Task", "-> jira.Issue")
    told = refusal(write(vpn=source), {"JIRA_USER": "x"})
    assert "JIRA_URL, JIRA_TOKEN must be set: vpn uses jira." in told
    assert "Set it in the environment, or take the step out of the offering." in told
    assert set(catalogues.load(write(vpn=source), JIRA).handlers) >= {"jira", "manual"}


def test_a_file_that_was_broken_can_be_mended_and_read_again(write: Write) -> None:
    refusal(write(vpn="import nowhere\n"))
    assert catalogues.load(write(vpn=GOOD), {}).offering("vpn")


# Plug-ins


class Cake(Resource[Outputs]):
    pass


class Sponge(Cake):
    """A kind of cake: its handler is the cake's."""


class Baker(Handler[Cake]):
    name = "baker"
    resource = Cake
    settings = ("OVEN",)
    options = ("HEAT",)

    def __init__(self, settings: Any) -> None:
        self.given = dict(settings)

    def apply(self, resource: Cake, context: Any) -> Done:
        return Done()

    delete = apply


class Entry:
    """An entry point, as importlib gives it."""

    name, value = "cakes", "ourplatform.cakes:Baker"

    def __init__(self, found: Any) -> None:
        self.found = found

    def load(self) -> Any:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def install(monkeypatch: pytest.MonkeyPatch, *found: Any) -> None:
    monkeypatch.setattr(catalogues, "entry_points", lambda group: [Entry(each) for each in found])


CAKE = (
    GOOD.replace("from bot.handlers import jira, manual", f"from {__name__} import Cake, Sponge")
    .replace("-> manual.Task", "-> Sponge")
    .replace("manual.Task(", "Sponge(")
)


def test_a_plug_in_is_built_with_what_it_declares_and_no_more(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Baker)
    loaded = catalogues.load(write(vpn=CAKE), {"OVEN": "hot", "HEAT": "200", "OTHER": "secret"})
    baker = loaded.handlers["baker"]
    assert isinstance(baker, Baker)
    assert baker.given == {"OVEN": "hot", "HEAT": "200"}
    assert loaded.handler_of(Sponge) is baker
    assert loaded.handler_of(Resource) is None
    assert not loaded.follows([Sponge])
    assert "OVEN must be set: vpn uses baker." in refusal(write(vpn=CAKE))


def test_a_plug_in_that_cannot_be_imported_stops_the_boot(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, ImportError("no module named flour"))
    told = refusal(write(vpn=GOOD))
    assert told == (
        "ourplatform.cakes:Baker: the plug-in cakes cannot be imported: no module named flour Mend or remove it."
    )


def test_a_plug_in_cannot_take_the_name_of_another(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    class Second(Baker):
        name = "manual"

    install(monkeypatch, Second)
    assert "two handlers are called manual. Rename or remove one." in refusal(write(vpn=GOOD))


def test_the_jira_handler_follows_what_its_issues_are_for(write: Write) -> None:
    loaded = catalogues.load(write(vpn=GOOD.replace("-> manual.Task", "-> jira.Issue")), JIRA)
    offering = loaded.newest()[0]
    assert loaded.follows(offering.steps["profile"].resources)
    assert not Catalogue({}, {}, {}).follows(offering.steps["profile"].resources)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('{"phone": lambda person, answers: []}', "options= names 'phone', which the form does not have"),
        ('{"laptop": lambda person: []}', "options= has no function of the person, the answers"),
        ('{"laptop": ["a", "b"]}', "options= has no function of the person, the answers"),
        ('{"disks": lambda person, answers: []}', "disks is neither a text nor a list of texts"),
    ],
)
def test_options_from_data_stand_at_a_text_of_the_form_and_come_from_a_function(
    write: Write, options: str, said: str
) -> None:
    source = GOOD.replace("laptop: str\n", "laptop: str\n    disks: int = 1\n").replace(
        'approval=Approval("@security")', f"options={options}"
    )
    text = refusal(write(vpn=source))
    assert said in text
    assert text.startswith(f"{write()}/vpn.py:{line_of(source, 'vpn = Offering')}")


@pytest.mark.parametrize(
    ("overlay", "said"),
    [
        ('{"phone": {"title": "Telephone"}}', "overlay= names 'phone', which the form does not have"),
        ('{"laptop": {"hidden": True}}', "overlay= hides 'laptop', which must be answered"),
        ('{"laptop": {"widget": "slider"}}', "laptop: there is no widget 'slider'"),
    ],
)
def test_an_overlay_speaks_of_the_form_and_hides_nothing_that_must_be_answered(
    write: Write, overlay: str, said: str
) -> None:
    source = GOOD.replace('approval=Approval("@security")', f"overlay={overlay}")
    assert said in refusal(write(vpn=source))


def test_a_file_that_is_saved_twice_in_a_second_is_read_as_it_is_now(write: Write) -> None:
    folder = write(vpn=GOOD)
    assert [each.title for each in catalogues.read_offerings(folder)] == ["VPN access"]
    moment = (folder / "vpn.py").stat()
    write(vpn=GOOD.replace("VPN access", "VPN tunnel"))
    os.utime(folder / "vpn.py", (moment.st_atime, moment.st_mtime))
    catalogues.forget()
    assert [each.title for each in catalogues.read_offerings(folder)] == ["VPN tunnel"]
