"""XML from strangers, read within limits: no DTD, no entities, no bombs.

``defusedxml`` refuses DTDs, entity declarations and external references;
this module adds limits on bytes, depth and number of elements, which are
checked while reading, before the tree exists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from anlan.sensing.domain.errors import CapError

MAX_BYTES = 2_000_000
MAX_ELEMENTS = 50_000
MAX_DEPTH = 32
SIGNATURE_NAMESPACE = "http://www.w3.org/2000/09/xmldsig#"


@dataclass(slots=True)
class Node:
    """One element: name without namespace, text, children in order."""

    name: str
    namespace: str
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def each(self, name: str) -> Iterator[Node]:
        """Yield the children called ``name`` in this element's own namespace."""
        for child in self.children:
            if child.name == name and child.namespace == self.namespace:
                yield child


class _Builder:
    """Target of the parser: builds nodes and stops at the limits."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[tuple[Node, list[str]]] = []
        self._count = 0

    def start(self, tag: str, attrs: dict[str, str]) -> None:  # noqa: ARG002  the parser's interface
        """Open an element."""
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise CapError("cap.too_many_elements", limit=MAX_ELEMENTS)
        if len(self._open) >= MAX_DEPTH:
            raise CapError("cap.too_deep", limit=MAX_DEPTH)
        namespace, _, name = tag.rpartition("}")
        node = Node(name, namespace.removeprefix("{"))
        if self._open:
            self._open[-1][0].children.append(node)
        else:
            self.root = node
        self._open.append((node, []))

    def data(self, data: str) -> None:
        """Take a piece of text."""
        if self._open:
            self._open[-1][1].append(data)

    def end(self, tag: str) -> None:  # noqa: ARG002  the parser's interface
        """Close an element."""
        node, pieces = self._open.pop()
        node.text = "".join(pieces).strip()

    def close(self) -> Node | None:
        """Return the finished tree."""
        return self.root


def read_tree(data: bytes) -> Node:
    """Return the root element of an XML document.

    Raises
    ------
    CapError
        ``cap.too_large``, ``cap.forbidden_xml`` (DTD, entities),
        ``cap.not_xml`` (with line and column), ``cap.too_many_elements``,
        ``cap.too_deep``.
    """
    if len(data) > MAX_BYTES:
        raise CapError("cap.too_large", size=len(data), limit=MAX_BYTES)
    parser = DefusedXMLParser(
        target=_Builder(), forbid_dtd=True, forbid_entities=True, forbid_external=True
    )
    try:
        parser.feed(data)
        root: object = parser.close()
    except DefusedXmlException:
        raise CapError("cap.forbidden_xml") from None
    except ParseError as error:
        line, column = error.position
        raise CapError("cap.not_xml", f"line {line}, column {column}") from None
    except (ValueError, LookupError):
        # An encoding that the document names and nobody knows.
        raise CapError("cap.not_xml", "line 1, column 0") from None
    if not isinstance(root, Node):
        raise CapError("cap.not_xml", "line 1, column 0")
    return root
