"""The fixed words of the pages, and a figure: a chart with its words and its other views."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from altair import LayerChart

from sssam.lab.report.key import Look
from sssam.lab.report.theme import PRINT, Theme, Width

#: A chart whose colours and width are still open.
Drawing = Callable[[Theme, Width], LayerChart]

PASS = (
    "A pass is a forward and a backward pass on a batch; plain training takes one a step, SAM two."
)


class Words(NamedTuple):
    """The name of a figure in links to it, its title, and what stands below it."""

    short: str
    title: str
    caption: str


FIGURES = {
    "accuracy-against-cost": Words(
        "Accuracy and cost",
        "What accuracy each price buys",
        "Mean test {metric} over seeds with its 95% interval, over the price of a whole run. The "
        "line is the base trained for shorter and longer: what its own passes buy. What lies above "
        "the line and the averages is more than the base buys at that price. Variants of equal "
        "price stand side by side; pointing at one shows its numbers.",
    ),
    "differences": Words(
        "Beside the controls",
        "More than the base buys at that price?",
        "Difference in test {metric} to the best control that costs no more (chosen on validation "
        "data), in percentage points, paired by seed, with its 95% interval. A full point is "
        "clearly above every such control, after Holm's adjustment for all variants; p is the "
        "largest over these controls.",
    ),
    "curves": Words(
        "Curves",
        "Accuracy and loss over what was spent",
        "The {metric} on validation data, and the loss at the weights w themselves on a fixed "
        "subset of the training samples (what a step returns does not compare across methods), "
        "after each epoch, as means over the finished runs; each line ends where its runs end. "
        "Early epochs may lie below the axis; losses over two decades have a logarithmic one.",
    ),
    "schedules": Words(
        "Schedules",
        "When the sharpness-aware steps fell",
        "The curve is the probability of a sharpness-aware step; the strip below it shows the "
        "steps that were drawn at the first seed.",
    ),
    "rho-sensitivity": Words(
        "Radius \N{GREEK SMALL LETTER RHO}",
        "How much depends on \N{GREEK SMALL LETTER RHO}",
        "Mean validation {metric} at each radius that was tried, over seeds that the comparison "
        "does not use, each at the best of the other settings tried with it. The points are the "
        "radii that were chosen; diverged runs count with what they reached.",
    ),
}
NOTES = {
    "variants": "{metric} in %, differences in percentage points, paired by seed, with 95% "
    "intervals. The best control is that on validation data; p is one-sided, the largest over all "
    "controls that cost no more, adjusted over the variants by Holm's method, and names its "
    "control where that is another one. Passes and seconds are those of a whole run over the "
    "base's; seconds are measured apart, in short interleaved blocks. Select a column's name to "
    "sort.",
    "sam": "Non-inferior to SAM: at most {margin} below it, with at least {share:.0%} of "
    "its gain, both fixed with the task, after Holm's adjustment. The share of the gain has "
    "Fieller's interval.",
    "flatness": "Means over seeds with 95% intervals, in evaluation mode, on the first samples of "
    "the training set. The top eigenvalue and the trace (Hutchinson's estimate) are of the Hessian "
    "of the training loss; a rise is the largest that gradient ascent found within a radius of the "
    "weights, or, adaptive, within ASAM's ellipsoid.",
    "pooled": "In % of the base's test error: means over tasks of equal weight with 95% intervals "
    "by Student's t with Welch's and Satterthwaite's degrees of freedom; then the tasks won, tied "
    "and lost against the best control, and each of them. p is against each task's hardest "
    "control, adjusted over the variants by Holm's method. The claim is of these tasks in the "
    "mean: not of each, and not of tasks at large.",
    "repeat": "Run it where the directory of results lies. Runs that have a record are not trained "
    "again; move the records away to train all of them anew. Equal seeds give equal numbers on one "
    "machine with equal versions; on another the last digits, and seconds, may differ.",
}


class Figure(NamedTuple):
    """A chart and its words, which are those of its name in `FIGURES`.

    `alt` says its main number to those who can't see it. `views` are the charts by the name of the
    button that shows them, the first one first; a lone one has the name "". `key` holds the looks
    that the page's key explains, `metric` is what is measured, and `more` ends the caption.
    """

    name: str
    alt: str
    views: Mapping[str, Drawing]
    key: Sequence[Look] = ()
    metric: str = ""
    more: str = ""

    @property
    def words(self) -> Words:
        """The figure's title and caption, with what is measured."""
        words = FIGURES[self.name]
        title, caption = (text.format(metric=self.metric) for text in (words.title, words.caption))
        return words._replace(title=title, caption=f"{caption} {self.more}".rstrip())

    def charts(self, theme: Theme = PRINT, width: Width = 760) -> dict[str, LayerChart]:
        """The figure's views, by default for papers, with its words for those who can't see it."""
        drawn = {view: draw(theme, width) for view, draw in self.views.items()}
        return {view: each.properties(description=self.alt) for view, each in drawn.items()}

    def chart(self) -> LayerChart:
        return next(iter(self.charts().values()))
