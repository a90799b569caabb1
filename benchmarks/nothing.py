"""A LibCST codemod that changes nothing: what `libcst.tool codemod` costs before any rule."""

from libcst.codemod import VisitorBasedCodemodCommand


class Nothing(VisitorBasedCodemodCommand):
    """Visits every node and does nothing."""

    DESCRIPTION = "change nothing"
