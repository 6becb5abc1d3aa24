"""Why a question or a message over the SensorThings interface is not taken."""

from __future__ import annotations

from anlan.kernel.errors import InvalidInputError, NotFoundError
from anlan.sensing.domain.errors import SignRefusedError


class QueryError(InvalidInputError):
    """A question cannot be understood; ``at`` is the place in what ``option`` says."""

    code = "sta.query"
    http_status = 400


class FilterSyntaxError(QueryError):
    """A filter or an order is not written as the standard says."""

    code = "sta.filter_syntax"


class FilterKindError(QueryError):
    """An operator or function is given something of another kind than it takes."""

    code = "sta.filter_kind"


class FilterTooComplexError(QueryError):
    """A filter is longer or nested deeper than is looked into."""

    code = "sta.filter_too_complex"


class NameUnknownError(QueryError):
    """A property, relation or function that does not exist is named."""

    code = "sta.name_unknown"


class OptionError(QueryError):
    """A query option has a value that it cannot have."""

    code = "sta.option"


class TooWideError(QueryError):
    """More readings or entities would have to be looked at than one question may."""

    code = "sta.too_wide"


class EntityUnknownError(NotFoundError):
    """The entity does not exist, or the caller may not know that it does."""

    code = "sta.entity_unknown"


class EntityMalformedError(SignRefusedError):
    """What was sent is not an entity of the standard."""

    code = "sta.entity_malformed"
    http_status = 400


class NotKeptHereError(SignRefusedError):
    """A field of an Observation that Anlan does not keep; it is refused rather than lost."""

    code = "sta.not_kept"


class ReadingRefusedError(SignRefusedError):
    """A reading was not kept; ``reason`` is the code that the other doors give."""

    code = "sta.reading_refused"


class ResultLengthError(SignRefusedError):
    """An Observation of a MultiDatastream has more or fewer results than it has streams."""

    code = "sta.result_length"
    http_status = 400


class ResultKindError(SignRefusedError):
    """A result of an Observation is of another kind than multiObservationDataTypes says."""

    code = "sta.result_kind"
    http_status = 400


class MethodHereError(InvalidInputError):
    """The interface knows no such method."""

    code = "sta.method"
    http_status = 405


class BatchMalformedError(InvalidInputError):
    """What was sent is no batch, or one that is not taken."""

    code = "sta.batch"
    http_status = 400


class BatchStoppedError(InvalidInputError):
    """A request of a batch waits for another one that was refused."""

    code = "sta.batch_stopped"
    http_status = 424


class RegistryKeepsError(InvalidInputError):
    """The entity is city data: it changes by the registry's own way in, with reason and day."""

    code = "sta.registry_keeps"
    http_status = 501
