"""Chi-square tests of scipy.stats on made-up counts, as JSON."""

import json
import sys

import numpy as np
from scipy import stats
from scipy.stats.contingency import association

rng = np.random.default_rng(1)
out = {"Uniform": [], "Tables": [], "Above": []}
for k in (2, 3, 4, 5, 8, 20):
    for n in (10, 100, 5000, 17315):
        for skew in (0, 1):
            counts = rng.multinomial(n, rng.dirichlet(np.full(k, 20.0)) if skew else np.full(k, 1 / k))
            x2, p = stats.chisquare(counts)
            out["Uniform"].append({"Counts": counts.tolist(), "X2": x2, "P": p})
for rows, columns in ((2, 2), (2, 5), (3, 4), (5, 40)):
    for n in (300, 20000):
        for skew in (0, 1, 2):
            p = rng.dirichlet(np.full(columns, 30.0), rows if skew else 1)
            table = np.stack([rng.multinomial(n, p[i % len(p)]) for i in range(rows)])
            if (table.sum(0) == 0).any():
                continue
            x2, p, df, expected = stats.chi2_contingency(table, correction=False)
            out["Tables"].append({"Table": table.tolist(), "X2": x2, "P": p, "DF": int(df), "N": int(table.sum()),
                                  "V": association(table, "cramer"), "Least": expected.min()})
for df in (1, 2, 3, 7, 30, 301):
    for x in (0.001, 1, df, df + 40, 5 * df + 200):
        out["Above"].append({"X": x, "DF": df, "P": stats.chi2.sf(x, df)})
json.dump(out, sys.stdout, default=float)
