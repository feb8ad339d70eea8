"""The studio's limits, each with its reason: what is refused is told with what to do instead."""

#: Bytes of a file that is sent through the browser: larger ones are opened where they lie, `cutaway studio FILE`.
MOST_UPLOADED = 512 * 2**20
#: Bytes of a question to the server: names, places and choices, never data.
MOST_ASKED = 256 * 2**10
#: Bytes of a request's headers: browsers send few thousand.
MOST_OF_HEADERS = 32 * 2**10
#: Bytes that must stay free on the disk beside a file that is received: checkpoints and the model need room, too.
LEFT_FREE = 256 * 2**20
#: Processes at work at a time: each holds its table in memory.
MOST_AT_WORK = 6
#: Runs that the page lists, the latest first.
MOST_LISTED = 200
#: Streams of events at a time: a browser opens six connections to a server, and a person few browsers.
MOST_STREAMS = 24
#: Seconds between two looks at the files of events, and between two signs of life where there is nothing to tell.
EVERY, SIGN_OF_LIFE = 0.1, 15.0
#: Events that one message holds: a page that comes back after a long run takes them in pieces.
MOST_EVENTS = 2_000
#: Seconds in which a process must answer; one that trains answers beside it.
PATIENCE = 300.0
#: Seconds after which a process that nobody asks, and that does not train, ends. Its run stays on the disk.
IDLE = 1_800.0
#: Seconds that a link for a browser's start is good for: long enough for a slow browser, once.
LINK_GOOD_FOR = 300.0
#: Traced steps that are kept: going back and forth between two or three is what people do.
MOST_TRACES = 6
#: Numbers of a weight over all steps that a curve shows, and rows and units that a page lists.
MOST_POINTS_OF_COURSE, MOST_ROWS, MOST_UNITS = 400, 256, 512
#: Weights of a unit that a page lists: the largest gradients are those that a step is about.
MOST_WEIGHTS = 64
#: Rows of made data: a plane has no place for more points.
MOST_MADE = 5_000
#: Cells along each side of a plane of answers, and points drawn on it; maps that a layer shows, and their width.
CELLS, MOST_POINTS_SHOWN, MOST_MAPS, MAP_WIDTH = 56, 400, 32, 32
#: Units of a layer that the drawing of a network has: more cannot be told apart.
MOST_DRAWN = 12
#: Forks of a run: each holds a program and its snapshots.
MOST_FORKS = 8
#: Rows of the file that a page shows as they are.
MOST_SHOWN = 8
#: A loss landscape: points along each side, 2ᵏ + 1 so that coarse grids lie in finer ones; points of a run's path; rows
#: whose loss is taken; seconds of a question, after which the page shows what there is and asks for more.
SIDE, MOST_OF_PATH, MOST_ROWS_OF_LOSS, BOX = 33, 48, 512, 0.7
#: Moments and units of a map of states, layers of filters and filters of each: smaller cells cannot be told apart.
MOST_MOMENTS, MOST_STATES, MOST_LAYERS_OF_FILTERS, MOST_FILTERS = 120, 48, 6, 32
#: Rows that a step is judged by, and the rows farthest off that are named.
MOST_ROWS_ANSWERED, MOST_WORST = 2_000, 12
#: Experiments of the lab at a time, seconds after which one ends with what it knows, rows that they take, and how many
#: stay on the disk.
MOST_LABS, LONGEST_LAB, MOST_ROWS_OF_LAB, MOST_LABS_KEPT = 2, 300.0, 2_000, 20
