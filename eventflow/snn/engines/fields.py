"""The words of a program: what the event-driven engine's one kernel reads instead of objects.

`code` is int32: a header, then a row a population, then a row a connection, then tables (places, runs of taps,
lists). Entries named after memory are offsets into `weights` (parameters), `floats` or `ints` (a stream's state). A
population is a layer of neurons, or a relay where values have to be added up between two connections; number 0 is the
input. Its units lie site by site (a site: all channels of one pixel), channels padded to a multiple of LANES.
"""

from __future__ import annotations

from typing import Final

LANES: Final = 8

# header
POPULATIONS: Final = 0
POPULATION_ROWS: Final = 1
CONNECTION_ROWS: Final = 2
OUTPUT: Final = 3
OUTPUT_PLACES: Final = 4
RESTS: Final = 5
INPUT_SIZE: Final = 6
OUTPUT_SIZE: Final = 7
HEADER: Final = 8

# a population
SITES: Final = 0
WIDTH: Final = 1
KIND: Final = 2
RESET: Final = 3
ABOVE: Final = 4
RESTLESS: Final = 5
PLAIN: Final = 6
STILL: Final = 7
HAS_CURRENT: Final = 8
HAS_PREVIOUS: Final = 9
HAS_ADAPTATION: Final = 10
FIRST_CONNECTION: Final = 11
END_CONNECTION: Final = 12
V: Final = 13
DRIVE: Final = 14
I: Final = 15  # noqa: E741 - the synaptic current's name everywhere
A: Final = 16
HISTORY: Final = 17
VALUES: Final = 18
ACTIVE: Final = 19
TOUCHED_AT: Final = 20
UP_TO: Final = 21
LISTS: Final = 22
FIRED: Final = 23
FIRED_COUNT: Final = 24
FIRED_AT: Final = 25
FIRED_TOTAL: Final = 26
UPDATED_TOTAL: Final = 27
DECAY: Final = 28  # each parameter: offset, then how far the next site's values lie (0: all sites share theirs)
GAIN: Final = 30
OFFSET: Final = 32
BIAS: Final = 34
THRESHOLD: Final = 36
V_RESET: Final = 38
CURRENT_DECAY: Final = 40
CURRENT_GAIN: Final = 42
PREVIOUS_GAIN: Final = 44
ADAPTATION_DECAY: Final = 46
ADAPTATION_JUMP: Final = 48
ADAPTATION_STRENGTH: Final = 50
REST: Final = 52
REACH: Final = 54
NEARLY: Final = 56
UNIFORM: Final = 58
UNITS_IN_ALL: Final = 59
POPULATION_WORDS: Final = 60

RELAY: Final = 0
SPIKING: Final = 1
READOUT: Final = 2

ZERO: Final = 0
SUBTRACT: Final = 1
MULTISPIKE: Final = 2
CROSSING: Final = 3
DELAYED: Final = 4
DELAYED_ZERO: Final = 5

# a connection
HOW: Final = 0
SOURCE: Final = 1
LAG: Final = 2
PLACES: Final = 3
FACTORS: Final = 4
WEIGHTS: Final = 5
SYNOPS: Final = 6
IN_WIDTH: Final = 7
IN_HEIGHT: Final = 8
OUT_WIDTH: Final = 9
ROWS_OF: Final = 10
ROWS: Final = 11
RUNS_OF: Final = 12
RUNS: Final = 13
TAP_WORDS: Final = 14
TAPS_OF_CHANNEL: Final = 15
GROUP_IN: Final = 16
GROUP_OUT: Final = 17
CHANNELS: Final = 18
DELAYS: Final = 19
STARTS: Final = 20
TARGETS: Final = 21
UNITS: Final = 22
COUNTED: Final = 23
CONNECTION_WORDS: Final = 24

CONVOLUTION: Final = 0
MATRIX: Final = 1
LIST: Final = 2

# ints: a stream's counters come first
STEP: Final = 0
BUSY_UNTIL: Final = 1
COUNTERS: Final = 2
