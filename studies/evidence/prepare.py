"""Writes the data of these studies into `studies/evidence/data/`: packages and images.

    pip install --target PACKAGES rdata plotnine mnist1d
    PYTHONPATH=PACKAGES python studies/evidence/prepare.py --cifar CIFAR --packages PACKAGES

Debian's `r-cran-mlbench` has the letters and the satellite images, `wordnet-base` the text, and
`plotnine` the diamonds; `mnist1d` is the generator of MNIST-1D by its authors. `--root` is where
Debian's packages lie, if not at `/`. CIFAR is a folder with `train*.parquet` and
`test*.parquet` in the hub's layout. `--fashion` is a folder with the four IDX files of
Fashion-MNIST, gzipped, as its authors give them and Debian's `dataset-fashion-mnist` has them;
alone it is all that is written.
"""

import argparse
import gzip
import io
import re
from pathlib import Path

import datasets
import numpy as np
import pandas
import pyarrow as pa
import pyarrow.parquet
from PIL import Image

HERE = Path(__file__).parent / "data"
TEXT_BYTES = 400_000


def tables(root: Path) -> None:
    """Letters (20,000 rows, 26 classes) and satellite images (6,435 rows, 6 classes)."""
    import rdata

    folder = root / "usr/lib/R/site-library/mlbench/data"
    letters = rdata.read_rda(folder / "LetterRecognition.rda")["LetterRecognition"]
    letters.rename(columns={"lettr": "label"}).to_csv(HERE / "letters.csv", index=False)
    satellite = rdata.read_rda(folder / "Satellite.rda")["Satellite"]
    satellite.rename(columns={"classes": "label"}).to_csv(HERE / "satellite.csv", index=False)


def diamonds(packages: Path) -> None:
    """20,000 of 53,940 diamonds, drawn once: nine properties and the price."""
    table = pandas.read_csv(packages / "plotnine/data/diamonds.csv")
    table.sample(20_000, random_state=0).to_csv(HERE / "diamonds.csv", index=False)


def text(root: Path) -> None:
    """The first glosses of WordNet's nouns, a line each, plain ASCII."""
    lines = (root / "usr/share/wordnet/data.noun").read_text("ascii", "ignore").splitlines()
    glosses = [line.split("| ", 1)[1].strip() for line in lines if "| " in line]
    order = np.random.default_rng(0).permutation(len(glosses))
    content = "\n".join(re.sub(r"\s+", " ", glosses[i]) for i in order)
    (HERE / "glosses.txt").write_text(content[:TEXT_BYTES])


def sequences() -> None:
    """20,000 sequences of MNIST-1D; the authors' own set, drawn with seed 42, has 5,000."""
    from mnist1d.data import get_dataset_args, make_dataset

    settings = get_dataset_args()
    settings.num_samples, settings.seed = 20_000, 7
    drawn = make_dataset(settings)
    x = np.concatenate([drawn["x"], drawn["x_test"]]).astype(np.float32)
    y = np.concatenate([drawn["y"], drawn["y_test"]]).astype(np.int64)
    np.savez_compressed(HERE / "mnist1d.npz", x=x, y=y)


def images(cifar: Path) -> None:
    """CIFAR-10 at half its side, 16 x 16, each pixel the mean of four."""
    folder = HERE / "cifar16"
    folder.mkdir(exist_ok=True)
    for part, count in (("train", 20_000), ("test", 10_000)):
        (path,) = cifar.glob(f"{part}*.parquet")
        table = pyarrow.parquet.read_table(path).slice(0, count)
        kind = {name: table.schema.field(name).type for name in ("img", "label")}
        small = [{"bytes": _half(each["bytes"]), "path": None} for each in table["img"].to_pylist()]
        columns = {"img": pa.array(small, kind["img"]), "label": table["label"].combine_chunks()}
        out = pa.table(columns).replace_schema_metadata(table.schema.metadata)
        pyarrow.parquet.write_table(out, folder / f"{part}.parquet")


def fashion(source: Path) -> None:
    """Fashion-MNIST in the hub's layout, of IDX files: a head, then the values as bytes."""
    folder = HERE / "fashion-mnist"
    folder.mkdir(exist_ok=True)
    names = ["top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker"]
    kinds = datasets.Features(
        image=datasets.Image(), label=datasets.ClassLabel(names=[*names, "bag", "boot"])
    )
    for part, prefix in (("train", "train"), ("test", "t10k")):
        pixels = gzip.decompress((source / f"{prefix}-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress((source / f"{prefix}-labels-idx1-ubyte.gz").read_bytes())
        images = np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 28, 28)
        content = {"image": map(Image.fromarray, images), "label": list(labels[8:])}
        table = datasets.Dataset.from_dict({k: list(v) for k, v in content.items()}, kinds)
        table.to_parquet(str(folder / f"{part}.parquet"))


def _half(content: bytes) -> bytes:
    image = Image.open(io.BytesIO(content)).convert("RGB").reduce(2)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def main() -> None:
    """Everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("/"))
    parser.add_argument("--packages", type=Path)
    parser.add_argument("--cifar", type=Path)
    parser.add_argument("--fashion", type=Path)
    given = parser.parse_args()
    HERE.mkdir(exist_ok=True)
    if given.fashion:
        fashion(given.fashion)
    if given.packages:
        tables(given.root)
        diamonds(given.packages)
        sequences()
        text(given.root)
    if given.cifar:
        images(given.cifar)


if __name__ == "__main__":
    main()
