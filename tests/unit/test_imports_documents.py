"""Documents of others that lie, break or explode: each is refused by name and place."""

import pytest

from bot.errors import Misconfigured
from bot.imports import documents, read

BOMB = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])


def refusal(text: str, file: str = "file.yaml") -> str:
    with pytest.raises(Misconfigured) as caught:
        read({file: text}, where=file)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3", "file.yaml:3: is neither JSON nor YAML: a stands twice in one object."),
        ('{"a": 1, "a": 2}', "file.yaml: names a twice in one object."),
        (BOMB, "file.yaml: has aliases that stand for more than fits into memory."),
        ("a: &a [*a]", "file.yaml:1: has an alias that contains itself."),
        ("[" * 100_000, "file.yaml:1: is nested deeper than 200."),
        ("- " * 100_000, "file.yaml:1: is nested deeper than 200."),
        ('{"a":' * 100_000, "file.yaml:1: is nested deeper than 200."),
        ("a: [", "file.yaml:2: is neither JSON nor YAML"),
        ("a: !!python/object:os.system {}", "could not determine a constructor"),
        ("? [a]\n: b", "a name has to be text"),
        ("a: .inf", "JSON has no .inf"),
        ("", "holds no document"),
        ("- a\n- b", "holds no document"),
        ("x" * (documents.LARGEST + 1), "has 5,000,001 characters; a contract has at most 5,000,000."),
        ("apiVersion: v1\nkind: Secret", "is none of these: a Kratix Promise, "),
        ("apiVersion: v1\nkind: Secret", "It holds Secret."),
        ("hello: world", "is none of these"),
        ("$schema: x\ntype: array", "describes array; the answers of a form are an object."),
    ],
    ids=range(18),
)
def test_a_text_that_is_no_contract_is_refused_with_what_is_wrong_and_where(text: str, told: str) -> None:
    assert told in refusal(text)


def test_dates_and_words_of_yaml_stay_what_was_written() -> None:
    assert documents.parse("a: 2026-01-01\non: yes\n1: no\nb: &x {c: 1}\nd:\n  <<: *x\n  c: 2") == [
        {"a": "2026-01-01", "on": True, "1": False, "b": {"c": 1}, "d": {"c": 2}}
    ]


def test_the_one_contract_among_several_documents_is_found_and_of_two_none() -> None:
    one = "kind: Promise\napiVersion: platform.kratix.io/v1alpha1\nmetadata: {name: NAME}\nspec: {api: {spec: {versions: [{name: v1, schema: {openAPIV3Schema: {}}}]}}}"
    other = "apiVersion: v1\nkind: ConfigMap"
    with pytest.raises(Misconfigured, match=r"NAME v1 has no schema\.openAPIV3Schema"):
        read({"p.yaml": f"{other}\n---\n{one}\n---\n{other}"})
    with pytest.raises(Misconfigured, match="holds 2 contracts: Promise a, Promise b"):
        read({"p.yaml": f"{one.replace('NAME', 'a')}\n---\n{one.replace('NAME', 'b')}"})


def test_a_folder_without_terraform_is_refused() -> None:
    with pytest.raises(Misconfigured, match=r"holds no \.tf file"):
        read({}, where="module")
