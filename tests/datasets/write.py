"""Writes the parquet files in this folder, with pyarrow: python3 write.py

The conversations are our own and have the columns and the form of openai/mrcr; no text of it.
"""

import json
import random

import pyarrow as pa
import pyarrow.parquet as pq

THINGS = ["tapirs", "rivers", "lighthouses", "Sterne", "呐喊", "горы"]


def mrcr(rows):
    rng = random.Random(3)
    table = {name: [] for name in (
        "prompt", "answer", "random_string_to_prepend", "n_needles", "desired_msg_index",
        "total_messages", "n_chars")}
    for row in range(rows):
        messages = []
        for _ in range(6):
            thing = rng.choice(THINGS)
            messages.append({"role": "user", "content": f"write a poem about {thing}"})
            poem = " ".join(rng.choice(THINGS) for _ in range(40))
            messages.append({"role": "assistant", "content": f"{thing}: {poem}\n\"{row}\""})
        wanted = 2 * rng.randrange(6) + 1
        prefix = "".join(rng.choice("abcdefghijABCDEFGHIJ0123456789") for _ in range(10))
        messages.append({"role": "user", "content": f"Prepend {prefix} to the poem."})
        prompt = json.dumps(messages, ensure_ascii=False)
        for name, value in (
            ("prompt", prompt), ("answer", prefix + messages[wanted]["content"]),
            ("random_string_to_prepend", prefix), ("n_needles", 2),
            ("desired_msg_index", wanted), ("total_messages", 13), ("n_chars", len(prompt))):
            table[name].append(value)
    return pa.table(table)


def asked(rows):
    """Conversations that end as those of openai/mrcr do, so that a reader can answer them."""
    rng = random.Random(5)
    ordinals = ["1st", "2nd", "3rd"]
    table = {name: [] for name in (
        "prompt", "answer", "random_string_to_prepend", "n_needles", "desired_msg_index",
        "total_messages", "n_chars")}
    for row in range(rows):
        thing = rng.choice(THINGS)
        messages, places = [], []
        wanted_at = sorted(rng.sample(range(6), 2))
        for turn in range(6):
            about = thing if turn in wanted_at else rng.choice([t for t in THINGS if t != thing])
            messages.append({"role": "user", "content": f"Write a poem about {about}"})
            poem = " ".join(rng.choice(THINGS) for _ in range(12))
            if turn in wanted_at:
                places.append(len(messages))
            messages.append({"role": "assistant", "content": f"{about}, {turn}: {poem}\n\"{row}\""})
        nth = rng.randrange(2)
        prefix = "".join(rng.choice("abcdefghijABCDEFGHIJ0123456789") for _ in range(10))
        messages.append({"role": "user", "content":
                         f"Prepend {prefix} to the {ordinals[nth]} (1 indexed) poem about {thing}. "
                         "Do not include any other text in your response."})
        prompt = json.dumps(messages, ensure_ascii=False)
        for name, value in (
            ("prompt", prompt), ("answer", prefix + messages[places[nth]]["content"]),
            ("random_string_to_prepend", prefix), ("n_needles", 2),
            ("desired_msg_index", places[nth]), ("total_messages", 13), ("n_chars", len(prompt))):
            table[name].append(value)
    return pa.table(table)


def generic(rows):
    rng = random.Random(4)
    return pa.table({
        "id": pa.array([f"row-{row}" for row in range(rows)], pa.large_string()),
        "question": [f"{row}? " + "x" * rng.randrange(300) for row in range(rows)],
        "answers": pa.array([[f"a{row}"] + ["b", None, "c"][:row % 4] for row in range(rows)],
                            pa.list_(pa.string())),
        "length": pa.array([None if row % 5 == 0 else 1000 * row for row in range(rows)], pa.int32()),
        "depth": pa.array([row / 64 for row in range(rows)], pa.float64()),
        "flag": [row % 3 == 0 for row in range(rows)],
        "extra": [{"a": row} for row in range(rows)],
    })


def main():
    table = mrcr(40)
    pq.write_table(table, "mrcr-snappy.parquet")
    pq.write_table(table.slice(0, 16), "mrcr-zstd-v2.parquet", compression="zstd", data_page_version="2.0",
                   row_group_size=7, data_page_size=2000, write_batch_size=2)
    pq.write_table(table.slice(0, 9), "mrcr-gzip.parquet", compression="gzip", use_dictionary=False)
    pq.write_table(asked(24), "mrcr-asked.parquet")
    table = generic(60)
    pq.write_table(table, "generic-small-pages.parquet", row_group_size=25, data_page_size=500,
                   write_batch_size=3)
    pq.write_table(table, "generic-plain.parquet", compression="none", use_dictionary=False,
                   data_page_version="2.0", write_batch_size=8, data_page_size=900)
    # What the reader above should find in both.
    with open("generic.jsonl", "w") as out:
        for row in table.to_pylist():
            del row["extra"]
            row["answers"] = [answer for answer in row["answers"] if answer is not None]
            out.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
