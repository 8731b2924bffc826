"""What a release did, as a value, and its forms: text, JSON, Markdown, HTML."""

from shipset.report.render import RENDERERS, render, save
from shipset.report.report import Report
from shipset.report.values import (
    Descriptor,
    Failure,
    GateMeasure,
    GateReport,
    ImageReport,
    TagReport,
    TargetReport,
    VariantReport,
)

__all__ = [
    "RENDERERS",
    "Descriptor",
    "Failure",
    "GateMeasure",
    "GateReport",
    "ImageReport",
    "Report",
    "TagReport",
    "TargetReport",
    "VariantReport",
    "render",
    "save",
]
