"""Writes the Parquet files beside it, and the same table as CSV.

    python tests/data/parquet/generate.py

Takes pandas and pyarrow; the files were written with pandas 2 or later and pyarrow 26.
"""

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parent

rows = np.arange(40)
table = pd.DataFrame(
    {
        "height": 1.5 + rows / 7,
        "weight": (50 + rows * 13 % 37).astype("float32"),
        "age": pd.array([None if row % 9 == 4 else 20 + row % 31 for row in rows], dtype="Int32"),
        "member": rows % 3 == 0,
        "city": [["Oslo", "Bergen", None][row % 3] for row in rows],
        "size": pd.Categorical([["small", "large"][row % 2] for row in rows]),
        "target": ["yes" if row % 5 < 2 else "no" for row in rows],
    },
    index=pd.Index(rows * 10),
)
table.to_parquet(FOLDER / "snappy.parquet", row_group_size=16)
table.to_parquet(FOLDER / "zstd.parquet", compression="zstd", version="1.0", data_page_size=64)
table.astype({"member": int}).to_csv(FOLDER / "table.csv", index=False)
