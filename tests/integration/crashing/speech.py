"""A handler whose step says how far it is."""

from typing_extensions import override

from bot.handler import Answer, Context, Done, Handler, Resource


class Speech(Resource):
    """Somebody speaks."""

    about: str


class SpeechHandler(Handler[Speech]):
    """Speaks for long."""

    name = "speech"
    resource = Speech

    @override
    def apply(self, resource: Speech, context: Context) -> Answer:
        context.say(f"Half of what can be said about {resource.about} is said.")
        return Done()

    @override
    def delete(self, resource: Speech, context: Context) -> Answer:
        return Done()
