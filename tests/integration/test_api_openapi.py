"""The typed operations: several versions, definitions that refer to each other, names that OpenAPI has no letters for."""

from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import FastAPI
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field

from bot.api.openapi import with_offerings
from bot.api.routes import router
from bot.catalogue import Catalogue
from bot.offering import Form, Offering

Thing = TypeVar("Thing")


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    friends: "list[Dog]" = []


class Pair(BaseModel, Generic[Thing]):
    left: Thing
    right: Thing


class Old(Form):
    name: str


class New(Form):
    name: str
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    cats: Pair[Cat]


def document() -> dict[str, Any]:
    app = FastAPI()
    app.include_router(router)
    pets = {
        version: Offering("pets-and-more", form, owner="@zoo", notify="#zoo", version=version)
        for version, form in (("v1", Old), ("v2", New))
    }
    return with_offerings(app.openapi(), Catalogue({"pets-and-more": pets}, {}, {}))


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(document()).validate()


def test_an_older_version_has_to_be_named_and_the_newest_may_be() -> None:
    operation = document()["paths"]["/v1/offerings/pets-and-more/requests"]["post"]
    assert operation["operationId"] == "request_pets_and_more"
    assert [each["name"] for each in operation["parameters"]] == ["Idempotency-Key"]
    old, new = operation["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    assert (old["required"], old["properties"]["version"]) == (["form", "version"], {"const": "v1"})
    assert (new["required"], new["properties"]["version"]) == (["form"], {"enum": ["v2", None]})


def test_every_reference_leads_to_a_component() -> None:
    whole = document()
    components = whole["components"]["schemas"]
    form = components["pets-and-more.v2"]
    assert form["properties"]["pet"]["discriminator"]["mapping"] == {
        "cat": "#/components/schemas/pets-and-more.v2.Cat",
        "dog": "#/components/schemas/pets-and-more.v2.Dog",
    }
    friends = components["pets-and-more.v2.Dog"]["properties"]["friends"]
    assert friends["items"] == {"$ref": "#/components/schemas/pets-and-more.v2.Dog"}
    references = list(found(whole))
    assert references
    assert all(ref.removeprefix("#/components/schemas/") in components for ref in references)


def found(value: Any) -> Any:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from found(each)
