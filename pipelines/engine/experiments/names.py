"""Names for experiments that were given none: a five-letter adjective and a four-letter noun."""
from __future__ import annotations

import os

from tracking.engine.hints import Collection

ADJECTIVES = (
    "acute adept agile aired amber ample arced armed ashen azure baked balmy basic beige blond blown bluff blunt brave brief brisk broad brown built cased "
    "civic civil clean clear close coral crisp cubic curly dated dense dizzy downy dozen drawn dried dusky dusty eager early elfin empty equal exact extra "
    "faint fancy ferny fiery final first fixed fleet fluid foamy focal found frank fresh fuzzy giant given grand great green gruff handy happy hardy hasty "
    "hazel hefty husky ideal inner ionic ivory jazzy joint jolly jumpy known large leafy level light lined lithe loamy local lofty loose loyal lucid lunar "
    "lusty magic major maple mated merry minor mixed moist mossy muted naval nifty noble noted oaken olive outer paced peaty perky piney plaid plain plumy "
    "plush polar prime proud quick quiet rapid ready regal rigid roomy rough round royal ruddy rural rusty salty sandy sharp sheer shiny silky silty sixth "
    "sleek small smart snowy sober solar solid sonic spare spicy stark steep still stony stout sunny sweet swift tamed tawny tense third tidal timed toned "
    "total tough tried urban usual valid vivid vocal waxed white whole windy woody woven young zesty zippy"
).split()

NOUNS = (
    "acre apex arch area atom axle bale band bank barn base bead beam bean bear bell belt bend bird boat bolt bond book boot bowl buoy cake calf camp cape "
    "card cart case cave cell chef clay club coal coat code coin colt cone cook cord cork corn cove crab crew crow cube dawn deck deer desk dial disk dock "
    "dome door dory dove drum duck dune dusk echo edge fawn fern film fish flag flax foal foam ford fort frog gale game gate gear glen goat gold gown gulf "
    "gull hail hall hare harp hawk helm herb herd hill hive hoof horn hull iris isle jade kale keel kelp kite knot lace lake lamb lamp lane lark lava lawn "
    "leaf lens lily lime line lion loaf lock loom loop lute lynx mast maze mead mesa mile mill mint mist mole moon moor moss moth navy neon nest newt node "
    "note oval path peak pear peat pier pine pipe plum poem poet pole pond pony pool port prow puma quay raft rail rain reed reef ring road robe rock roof "
    "root rope rose ruby sage sail salt sand scow seal seed ship shoe silk silo sled snow soil song spar star stem swan tale tarn teal tent tide tile toad "
    "town tree tuba tuna tusk vale vase veil vent vine wave weir well wick wing wolf wood wren yard yarn yawl"
).split()


def random_name(taken: Collection[str]) -> str:
    """A name that is not in `taken`.

    From the system's randomness: a seed that a program set must not give two runs one name.
    """
    number = 1
    for _ in range(1000):
        name = f"{_pick(ADJECTIVES)}-{_pick(NOUNS)}"
        if name not in taken:
            return name
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"


def _pick(words: list[str]) -> str:
    return words[int.from_bytes(os.urandom(4)) % len(words)]
