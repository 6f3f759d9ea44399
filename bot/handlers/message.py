"""`message.Post`: a message in a channel.

It becomes a delivery in the transaction that ends the step, so it goes out once however often the step is tried.
"""

from pydantic import Field
from typing_extensions import override

from bot.handler import Answer, Context, Done, Handler, Plans, Posting, Resource


class Post(Resource):
    """Says `text` in `channel`: a `#name` or a channel's id. The text is plain; whoever sends it escapes it."""

    channel: str = Field(min_length=1)
    text: str = Field(min_length=1)


class PostHandler(Handler[Post], Plans):
    """Posts once. What was said stays said: deleting takes no message back."""

    name = "message"
    resource = Post

    @override
    def apply(self, resource: Post, context: Context) -> Answer:
        return Done(posts=(Posting(resource.channel, resource.text),))

    @override
    def delete(self, resource: Post, context: Context) -> Answer:
        return Done()

    @override
    def plan(self, resource: Post, context: Context) -> str:
        return f"Posts in {resource.channel}: {resource.text}"
