"""Every number that is a rule of thumb in data/, estimators/ and cli/, with its reason.

None of these numbers follows from mathematics: another would do, and each was chosen for the reason beside it. Where
one changes what is learnt, read or scored, `cutaway fit` says so ("the 50 most frequent of 213 levels", "left out",
"reduced to"), or an error names it. The code imports them from here.
"""

# --- columns of tables ------------------------------------------------------------------------------------------------

#: A level, or a gap, seen fewer times cannot be learnt from: in tables of FEW_ROWS rows or more, and in smaller ones.
FEWEST_OF_LEVEL, FEWEST_OF_LEVEL_IN_SMALL = 5, 2
#: Levels of a category that get a column of their own: more would crowd out the other columns. The rest share "other".
MOST_LEVELS = 50
#: Codes of a category that are looked up in an embedding, at most: a model file names each level.
MOST_CODES = 2**16
#: Levels above which an estimator's network looks up a code in place of having a column for each, and the rows that a
#: level needs for that. Measured on made tables: from 20 levels on codes beat columns by .07 to .17 of R², where the
#: levels say nothing too: 8 numbers are learnt of a level, and of a column one for each neuron. Columns for 10 to 19
#: levels in place of codes: R² of the houses .930, not .929, of the loans .457, not .456, means of three splits; log
#: loss of hpc, 14 protocols, .407, not .423. With levels of 4 rows, codes for two rows or more, not five, raise R² from
#: .16 to .72 where levels say most; they cost .02 where none does.
MOST_COLUMNS_OF_LEVELS, FEWEST_OF_CODE = 19, 2
#: The same where rows come later, and the latest have levels that those before lack, as months do: a network that looks
#: codes up does better with new ones. R² of the rented bicycles, two seeds: .806 and .794, in place of .747 and .765.
MOST_COLUMNS_OF_RENEWED = 9
#: The share of rows that teach what to say of a level that training never had: those with a rare one, and where they
#: are fewer others, chosen by chance, whose level is hidden. It costs up to .01 of R²; with .02 small tables teach too
#: little (R² of rows with a new shop -.14 in place of .03).
HIDDEN = 0.05
#: Levels of a category that get a column each where a network of the user's own is to see them: it looks no code up.
MOST_LAID_OUT = 256
#: Columns from which on codes laid out as columns of 0 and 1 are a sparse matrix.
WIDE_EXPANDED = 256
#: Numbers of the vector that a code is looked up for.
CODE_WIDTH = 8
#: Whole numbers may be names where there are so many different ones, each on so many rows on average.
FEWEST_NAMES, FEWEST_OF_NAME = 20, 3
#: They are names where what their own rows say of the target is so many standard errors above chance, and their
#: neighbours' rows say less than this share of it. Of smooth numbers the neighbours say about as much.
SURELY, BY_NEIGHBOURS = 6.0, 0.25
#: Classes that this is looked at for, the most frequent.
MOST_CLASSES_TOLD = 10
#: Bins of all numbers of a row together, at most, and of a number, at least; rows that lie in a bin, at least; rows in
#: which bins are looked for.
MOST_BINS_OF_ROW, FEWEST_BINS, FEWEST_IN_BIN, ROWS_OF_EDGES = 384, 4, 40, 20_000
#: From so many rows of two classes on, a number has so many bins at most: places tell more finely what happens there
#: (stops of the police, the mean of three splits: log loss .459 → .451). Numbers that are foretold got up to 2 % worse;
#: 18 species of rodents came to the same.
MANY_FOR_FINE_BINS, FINE_BINS = 10_000, 64
#: A number of so many values for each bin that it may have, or fewer, has an edge at each, where bins hold rows enough:
#: of the 24 hours of a day 16 quantiles make pairs (rented bicycles: R² .807, not .796).
VALUES_A_BIN = 2
#: Columns of which a note says what such a rule took away: more would hide the rest of the report.
MOST_NOTES = 6
#: Quartile ranges from the median where numbers are bent towards a limit: farther ones are mistakes or say no more.
CLIP = 3.0
#: But where at least so many rows lie farther out, and a line through the numbers as they are has at most this share of
#: the squared error that one through the bent ones has, so many times as far as any of them lies, or here at most.
FEWEST_FAR, FAR_BY_LINE, BENT_BEYOND, MOST_BENT_AT = 5, 0.95, 3.0, 300.0
#: A column of text is numbers (or dates) when at least this share of its cells is: the rest are marks for gaps.
MOST_OF_KIND = 0.95
#: Characters of a date, at most; days that whole numbers such as 20240131 must spell, all of them and so many different
#: ones, to be taken for dates; the years of such days, and of 2024-01 without a day: 4711-05 is a code.
LONGEST_DATE, FEWEST_SPELT_DAYS, SPELT_YEARS = 40, 3, range(1800, 2200)
#: What numbers are that are asked to be dates: the first of these forms in whose range all lie. Each range is of the
#: years about ours, so that no two overlap: day 45,322 of Excel is in 2024, and second 20,240,131 in 1970.
NUMBERS_OF_DATES = (("year", 1000, 2999), ("excel", 10_000, 109_575), ("compact", 18_000_101, 21_991_231),
                    ("seconds", 10**8, 7.3e9), ("milliseconds", 10**11, 7.3e12))
#: Text is no category when its distinct values reach this share of its cells: each is seen about once.
NEARLY_ALL = 0.9
#: With this many different values or fewer, a column is too short to call it text or an identifier.
FEW_VALUES = 20
#: Whole numbers of at most so many different values, each twice or more on average, are taken for classes: marks,
#: stars, grades. `--task` overrules it.
MOST_CLASSES = 20
#: A target's logarithm is taken (log="auto") above this skewness, if it leaves less than this share of it.
SKEWED, LESS_SKEWED = 1.0, 0.5
#: Differences smaller than this share of a value are rounding, not information.
ROUNDING = 1e-14
#: Encoded numbers are cut off here: what is farther away would overflow in float32.
FAR = 1e9
#: Numbers are encoded this many at a time: few enough to stay in the processor's cache.
ENCODED_AT_ONCE = 2**17
#: Cells from which on a table is encoded by two threads: they take a millisecond to start.
LARGE_TABLE = 2**20
#: Rows of a table that are encoded and predicted at a time where they are scored, or written as they are read.
ROWS_AT_ONCE = 2**16
#: Numbers of a wide table that are looked at together, to learn from or for doubts.
LOOKED_AT_TOGETHER = 2**20
#: Up to so many rows of a frame are encoded cell by cell: more are done sooner column by column.
FEW_ROWS_AT_ONCE = 32
#: Words of a column of which is remembered what they come to, where that takes long: they take some megabytes at most.
MOST_KNOWN_CELLS = 4096
#: Raw outputs so far apart have probabilities in the same order for certain, whatever is rounded.
CLEARLY_APART = 1e-9

# --- images -----------------------------------------------------------------------------------------------------------

#: Pixels are encoded this many at a time: few enough to stay in the processor's cache.
PIXELS_AT_ONCE = 2**18
#: Bytes are taken as parts of 255. Other numbers so far outside 0 to 1 are of another scale, not overshoot of a filter.
UNIT = (-0.5, 1.5)
#: Images of a wider range in training are of another scale than images from 0 to 1.
WIDE_RANGE = 50
#: Pixels beyond this are no brightness; deviations below that are none.
HUGE_PIXEL, TINY_DEVIATION = 1e20, 1e-15
#: Differences between pixels smaller than this share of a value are rounding: of float32 (and bytes), of other types.
ROUNDING_OF_SINGLE, ROUNDING_OF_OTHERS = 1e-7, 1e-13
#: A header that asks for more is refused unread: a file of a few bytes can claim to unpack to any size. A row of pixels
#: costs memory of its own, a pass of a progressive JPEG over all of them a dozen bytes.
MOST_PIXELS, LONGEST_SIDE, MOST_SCANNED = 50_000_000, 100_000, 10**10
#: Bytes of an image file.
MOST_BYTES = 2**28
#: Segments of EXIF data in a JPEG, of 64 kB each, where Pillow is old: an orientation takes one.
MOST_EXIF = 2
#: Deep images beside bytes become bytes, as parts of their whole range. They must span at least one part in so many:
#: of 12 bits that a detector writes into 16 fewer than 16 levels of grey would be left.
FEWEST_LEVELS = 16
#: Pixels that are decoded at once, some 16 bytes each.
MOST_AT_ONCE = 2 * MOST_PIXELS
#: Files of one folder, whose names are kept.
MOST_FILES = 2_000_000

# --- sequences and time -----------------------------------------------------------------------------------------------

#: Padding is refused where it takes this many values, and so many times what it pads.
MOST_PADDED, MOST_PADDING = 2**27, 20
#: A step of time is kept where at least this share of neighbours is one step apart: below it, moments follow no step.
KEPT = 1 / 3
#: Moments so near to whole steps, as a share of one, lie on them: a clock that jitters, a day of 23 hours.
JITTER = 0.25
#: The days of the month between which a monthly series lies: the last, the first Monday, the last business day.
DAYS_APART = 6
#: Filled up, a series takes at most so many times its rows.
MOST_FILLING = 20
#: Characters of a line, a header's line and a label in a .ts file; values of all its sequences, dimensions of one.
LONGEST_TS_LINE, LONGEST_HEADER_LINE, LONGEST_LABEL = 2**25, 2**20, 200
MOST_VALUES, MOST_DIMENSIONS = 2**29, 2**16
#: The share of a step by which time stamps in such a file may be uneven: what rounding to its digits may leave.
UNEVEN_STAMPS = 1e-6
#: So many sequences at a time are put into one array: an array for each would take many times what it holds.
SEQUENCES_AT_ONCE = 4096
#: Bytes of a WAV file, some 25 minutes of stereo: what is longer is no example of one class. Its channels at most.
MOST_SOUND, MOST_CHANNELS = 2**28, 64
#: Steps that each sensor of a wide table needs: of two columns a1 and a2 nobody says that they are time.
FEWEST_WIDE_STEPS = 3
#: An array of text takes as much for each word as for the longest; from so many characters on that is looked at.
WIDE_LABELS = 2**22

# --- files ------------------------------------------------------------------------------------------------------------

#: What is packed is refused where it unpacks to so many bytes, and so many times its size.
MOST_UNPACKED, MOST_UNPACKING = 2**28, 250
#: Parquet packs equal cells as their number: a table may take so many times the file's size, 8 bytes a cell.
MOST_UNPACKING_CELLS = 10_000
#: What a table's file may hold: columns (all of which a model file must describe), characters of a line.
MOST_COLUMNS, LONGEST_LINE = 50_000, 2**23
#: Bytes of text from which on pyarrow reads a plain table, first rows that tell what its cells are, bytes of a piece,
#: and bytes that are searched at a time. Below, pandas takes under a tenth of a second.
LARGE_TEXT, FIRST_ROWS, PIECE, SEARCHED_AT_ONCE = 2**23, 1000, 2**23, 2**23
#: Whole numbers from here on are no longer exact as fractions.
EXACT = 2**53
#: Cells of a column that must all be numbers before its other words are looked at, and characters of a number.
FIRST_WORDS, LONGEST_NUMBER = 100, 60
#: Characters of a unit of measurement in the row under the names.
LONGEST_UNIT = 15
#: Cells of a sheet, empty ones too, for which calamine takes 32 bytes each: so many, or so many for each that holds
#: something. Bytes of an element of its XML, and ranges of merged cells that are looked at.
MOST_SHEET_CELLS, MOST_BETWEEN_CELLS, LONGEST_ELEMENT, MOST_MERGED = 2**24, 4, 2**26, 100_000
#: Rows at the top of a sheet that may be titles or names.
MOST_TITLES = 20
#: Folders in one another that are looked into for Parquet files, and names in each.
DEEPEST_FOLDER, MOST_LOOKED_INTO = 5, 10_000
#: Files that are read as one table.
MOST_JOINED = 10_000
#: Numbers of a list in a cell of JSON that get a column each.
LONGEST_LIST = 1000
#: Bytes of a zstd file that are unpacked at a time: zstd may make 128 kB of four.
UNPACKED_AT_ONCE = 1024
#: The longest name of a column, in characters: names are printed.
LONGEST_NAME = 10_000

# --- designs ----------------------------------------------------------------------------------------------------------

#: Below this many rows every step sees all of them, none is held back and no neuron dropped out: nothing is left to
#: chance, and a row of weight two is the row twice. Measured on small tables, it scores as well as mini-batches do.
#: Numbers have 64 bits there: it costs nothing, while from 200 rows on it doubles a fit's time for no better score.
FEW_ROWS = 200
#: Below this many rows batches are small.
FEW_FOR_BATCHES = 1000
#: Below this many rows a linear model stands beside the network: alone, a network is often worse than it. On 24 draws
#: of 80 to 330 rows its error is 4 % above the linear model's on average, and up to 85 %; that of both 3 % below.
FEW_FOR_LINEAR = 500
#: From so many columns on, with fewer rows than this for each, more neurons are dropped: there are many ways to learn
#: such rows by heart. On tables of 79 and 58 columns and 37 and 33 rows a column, .3 in place of .1 gained .005 of R²,
#: and a quarter of the log loss; on those of fewer columns, or with a linear model beside, it lost up to .02.
WIDE_FOR_DROPOUT, FEW_ROWS_A_COLUMN = 50, 100
#: So it does where features are so many and rows fewer, up to so many numbers: a network of 5,000 sparse columns is
#: behind it, and it is found from the rows' products with each other.
WIDE_FOR_LINEAR, MOST_FOR_LINEAR = 1000, 2**25
#: From this many rows on the default preset is one plain network. Below, a fit takes MOST_TABLE_STEPS at most: 49 s of
#: one core for 99,000 rows, 57 s for 300,000 (R² .890; of a plain network .881, in 8 s). Beyond, ten epochs are more
#: steps, and bins and members would take minutes.
MANY_FOR_MEMBERS = 500_000
#: At this many rows and above batches are large, and the number of steps is bounded.
MANY_ROWS = 20_000
#: Updates after which a table's network has converged, bounds on the epochs, and updates that are enough for many rows.
TABLE_STEPS, FEWEST_TABLE_EPOCHS, MOST_TABLE_EPOCHS, MOST_TABLE_STEPS = 2000, 50, 300, 20_000
#: Of the share of rows that one network holds back, how much each of several does. Each holds back others, and their
#: mean makes up for an epoch badly chosen, so that rows are worth more to learn from: on six draws of the houses two
#: networks gained .0001 to .005 of R². But no fewer rows than this: twelve of the small table of Alzheimer's were too
#: few to tell how sure to be (log loss .393 in place of .383, six draws).
HELD_BY_SEVERAL, FEWEST_HELD_BY_SEVERAL = 0.5, 50
#: Epochs that pass without a better validation loss before training stops, as a share of all; of tables so many at
#: most: small ones came to the same best epoch in two thirds to nine tenths of the time. A fifth of all was too few for
#: some of several networks on the houses (of two splits R² .930 in place of .932 on one, the same on the other).
PATIENCE, MOST_PATIENCE_OF_TABLES = 0.3, 30
#: Epochs of one step each, for a table of few rows: about what it can teach.
SMALL_TABLE_EPOCHS = 200
#: Sides from which a third block of filters is worth its time.
LARGE_SIDE = 48
#: Images in a batch.
IMAGE_BATCH = 64
#: How far images move in training, as a share of their smaller side, and how many degrees they turn.
SHIFT, ROTATE = 1 / 14, 10
#: Updates that are enough for images to converge, and bounds on the epochs.
IMAGE_STEPS, FEWEST_IMAGE_EPOCHS, MOST_IMAGE_EPOCHS = 1500, 20, 100
#: Sequences of fewer steps are read one step after the other (a GRU): filters, and a mean over the steps, would find
#: little there. On nine sets of classes with longer ones filters gained .01 to .34 on six, on several features too, and
#: lost .004 at most on the others (docs/series-benchmark.md).
SHORT_SEQUENCES = 20
#: Channels of the three filters along time, and their windows, for sequences up to so many steps and for longer ones
#: (Wang et al., 2017, have windows of 8, 5 and 3, and twice the channels at four times the cost).
FILTERS, WINDOWS_OF_FILTERS, LONG_WINDOWS_OF_FILTERS, LONG_FOR_FILTERS = (64, 64, 64), (9, 5, 3), (17, 9, 5), 200
#: The filters' strides leave about so many steps, so that a window sees much of a long sequence: on ArrowHead .859 of
#: three seeds, .840 with twice the steps and four times the time. One filter skips this many at most, or more would
#: be overlooked than gained: on ACSF1 (1,460 steps) .86, with 8 in place of 4 .83.
STEPS_OF_FILTERS, MOST_STRIDE = 64, 4
#: Below this many sequences so many networks of filters stand side by side, since the first weights matter most
#: there: on OSULeaf (200) .952 of two seeds, .936 by one network, .926 where a tenth is held back.
FEW_SEQUENCES, SEQUENCE_MEMBERS = 500, 3
#: Decay of the average of a filters' network's weights: the last hundred steps.
SEQUENCE_AVERAGE = 0.99
#: A GRU's longer sequences are first read by small filters, each row of which halves the steps, until about so many are
#: left.
LONG, MOST_HALVINGS = 50, 4
#: Updates that are enough for a recurrent network and for filters to converge, and bounds on the epochs.
SEQUENCE_STEPS, FILTERS_STEPS, FEWEST_SEQUENCE_EPOCHS, MOST_SEQUENCE_EPOCHS = 1200, 600, 20, 150
#: Features of the linear model on random convolutions (MiniRocket's number; of sequences that are not few, whose
#: features would fill memory), and of the one that tries how to read sequences.
CONVOLUTION_FEATURES, FEWER_CONVOLUTION_FEATURES, TRIED_FEATURES = 10_000, 3000, 1000
#: Below this many sequences that model stands beside the network, and none are held back: by so few, the best epoch
#: would be found by chance.
FEW_FOR_CONVOLUTIONS = 1000
#: Sequences that the linear model on random convolutions learns from, at most: more take minutes.
MOST_SHAPED = 5000
#: Factors that make probabilities of such a model's scores, of which the best is taken.
SHARPNESS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
#: The share of the longest sequence's steps by which dynamic time warping bends (Ratanamahatana and Keogh, 2005);
#: numbers that are warped at a time, and pairs of steps up to which it is tried at all (some ten seconds).
WARPED_BY, WARPED_AT_ONCE, MOST_WARPED = 0.1, 2**18, 3 * 10**8
#: Sequences on which a linear model tries how to read them, at most, and the fewest; numbers of one that it sees, and
#: the last steps that it sees alone.
MOST_TRIED, FEWEST_TRIED, MOST_STEPS_TRIED, LAST_STEPS_TRIED = 300, 10, 20_000, 8
#: Each series is scaled by itself where the squared error then falls by so many standard errors, and to this share. To
#: this share it must fall, too, before numbers are learnt from a mean over all steps: to foretell, order counts.
TRIED_SURELY, TRIED_SHARE = 2.0, 0.8
#: Series whose sizes differ by more than this factor (nine tenths of them beside one tenth) are scaled each by itself
#: where that loses nothing: beside the largest the others are flat for a network (docs/series-benchmark.md, PLAID).
SIZES_APART = 10.0
#: Series whose means and deviations differ by less than this share of their spread are scaled already.
SCALED_ALREADY = 0.05
#: Predictions stay within the training targets' range, widened by this share on each side: beyond its data a network
#: guesses.
MARGIN = 0.05
#: The share of predictions at an end of that range from which on it is told: a few are there by noise.
TOLD_AT_LIMITS = 0.05

#: Rows held back that weigh as much as the belief that a network is as sure as it should be (a temperature of 1): of
#: few, all of them right, the best temperature would be zero.
ROWS_FOR_ITS_OWN_TEMPERATURE = 20.0
#: Newton's steps to the best temperature, at most (it needs four to eight), and the last one's share of it: what that
#: still changes in a loss is rounding.
TEMPERATURE_STEPS, CLOSE_TEMPERATURE = 60, 1e-8
#: Shares of rows that are equal but for rounding.
ROUNDING_OF_SHARES = 1e-12
#: The quantiles of loss="quantile" unless others are given: the middle, and an interval that holds nine of ten.
QUANTILES = (0.05, 0.5, 0.95)
#: How large errors are near a prediction is the mean of this share of the rows, of so many at least, plus this share of
#: the mean over all: fewer rows are noise. On 15 tables such intervals are 9 % narrower than those of one width; with
#: windows of 5 to 20 %, or ridge regression on the features or on the last hidden layer, they come within 1 % of that.
SHARE_OF_SIZE, FEWEST_OF_SIZE, SIZE_EVERYWHERE = 0.1, 50, 0.5
#: Rows whose errors are looked at for that, and errors of rows held back that are kept in order, at most.
MOST_FOR_SIZES, MOST_SCORES = 20_000, 2000
#: Rows of all processes together, where each has other ones, that encoders and design are made of: a level of one row
#: in a thousand is there fifty times, and a hundred columns are 40 MB for each process.
ROWS_OF_ALL = 50_000

# --- rivals and judgements --------------------------------------------------------------------------------------------

#: Strengths of the linear model's penalty that are tried; wide rows need more of it, and for classes their inverses.
ALPHAS = (0.1, 1.0, 10.0, 100.0, 1000.0)
WIDE_ALPHAS, WIDE_STRENGTHS = tuple(10.0**k for k in range(-1, 7)), (1e-3, 1e-2, 1e-1, 1.0)
#: Steps of the logistic regression, at most. On 4,000 digits of 28 x 28 pixels 100 steps take 2 s and get 0.881 of the
#: test rows right, 300 steps 0.882.
LINEAR_STEPS = {"table": 1000, "images": 100, "sequences": 1000}
WIDE_STEPS = 100
#: Rows of a table that a linear model learns from, at most: with so many a feature, all the others would lower its
#: squared error by a thousandth (features / rows, as every linear model's).
ROWS_A_FEATURE, FEWEST_OF_LINEAR = 1000, 20_000
#: Numbers in a row above which it is wide: up to it scikit-learn's own solvers take a few seconds, with 5,000 rows.
WIDE_ROW, WIDE_ROW_OF_CLASSES = 256, 1024
#: Numbers of all wide rows together, at most (1 GiB), and products of two numbers: some five seconds on two cores.
MOST_NUMBERS, MOST_PRODUCTS = 2**27, 2e11
#: Numbers of wide rows that are encoded at a time.
WIDE_AT_ONCE = 2**24
#: Every so manyth row says which strength of the penalty is best.
HELD = 5
#: Weights that a weight counts as where generalised cross-validation chooses the penalty beside a small network. With 1
#: it is too weak for 300 of the houses, 258 features wide (RMSE .43 of the deviation, not .35); 1.4, of splines, is too
#: much for the fewest rows.
DEARER = 1.2
#: Logit of a label that every row has.
CERTAIN = 30.0
#: A season is looked for among lags up to this share of the steps learnt from, and no longer than this.
LONGEST_SHARE, LONGEST_LAG = 1 / 3, 20_000
#: Peaks of the autocorrelation that are tried: the highest, and the first ones that are nearly as high.
PEAKS, HIGH = 8, 0.8
#: Autocorrelation, and standard errors of it, below which a peak is chance.
FAINT, CHANCE = 0.1, 4.0
#: A longer season's error must be smaller than a shorter one's by so many standard errors: one of several is by chance.
BETTER = 3.0
#: Variation of a series, as a share of its values, that is rounding.
ROUNDING_OF_SERIES = 1e-12
#: Folds of the table of rivals, rows with fewer of which there is none, and rows that it takes at most.
FOLDS_OF_RIVALS, FEWEST_OF_RIVALS, MOST_OF_RIVALS = 3, 60, 5000
#: From this share of the largest class on, accuracy hardly sees the others: a model that never says them looks good.
UNEVEN = 0.8
#: A column tells the target if it leaves so little open: of what chance would leave of classes, of the ranks' variance.
LEFT_OPEN, LEFT_OF_RANKS = 0.02, 0.005
#: Rows, and rows of the rarest class, with fewer of which chance finds such a column.
FEWEST_TOLD, FEWEST_OF_CLASS = 30, 8
#: Rows that columns are judged on, at most: each is sorted, a millisecond.
MOST_JUDGED = 4000
#: Above so many different values a column of repeats may say which rows belong together.
MANY_VALUES = 10
#: A column is filled (or empty) where the target is one class: that share of such rows, so many of them, and the
#: share of all rows that the class may have at most.
ONE_CLASS, FEWEST_PURE, NOT_COMMON = 0.98, 20, 0.7
#: Rows are sorted by a number where so many more of its steps go one way than the other, as a share; else they are
#: near each other in time or place where they are alike.
SORTED = 0.9
#: Copies are told of from so many on: two flowers may have the same size.
FEWEST_COPIES = 3
#: Equal rows are copies where so many have the same target; those that are equal by chance differ in it now and then.
SAME_TARGET = 0.9
#: Of copies less than this share stays known if one of their values changes; where no targets are compared, this.
LEFT_KNOWN, LEFT_KNOWN_ALONE = 0.5, 0.1
#: Rows of which one value is changed, to see how many known rows chance makes, and places tried for such a value.
MOST_CHANGED, PLACES_TRIED = 1000, 50

#: A value is outside training's range where it lies beyond it by more than this share of its width (a few values a
#: little beyond the largest of training are to be expected of new rows), far outside by more than so many widths.
OUTSIDE, FAR_OUTSIDE = 0.1, 1.0
#: Different values of a column that are remembered besides those with a feature of their own, and words that are named.
MOST_REMEMBERED, MOST_NAMED = 2000, 3
#: The share of rows from which on values a little outside are worth a note; what is far outside or new always is.
WORTH_A_NOTE = 0.05
#: Columns that a line on doubtful rows names.
MOST_DOUBTED = 6

#: Rows in a bin of probabilities or predictions that are compared with what happened, at least, and such bins, at most;
#: the deviations either side of which leave one of ten outside; and the share that intervals of a report shall cover.
FEWEST_OF_BIN, MOST_BINS, BAND, COVERAGE = 20, 10, 1.645, 0.9

# --- rows that are tied together --------------------------------------------------------------------------------------

#: Columns in which ties are looked for, and cells of text that are asked whether it holds dates.
MOST_LOOKED_FOR_TIES, ROWS_ASKED = 300, 200
#: Moments, and groups, with fewer of which rows are not divided unasked: too few to say how new ones will do.
FEWEST_MOMENTS, FEWEST_GROUPS = 5, 10
#: Rows are in a column's order where so many of the steps that go anywhere go one way; and a number orders them only if
#: its different values are more than this share of the rows.
ORDERED, TOLD_BY_ORDER = 0.9, 0.02
#: Days that dates of what happened span at most, where the rows are not in their order: those of births and of houses
#: span more.
LONGEST_LOG = 15 * 366
#: Rows of a group on average, at most: more can teach what is special about it, as of a shop. And the largest group's
#: share of the rows: it must fit on one side.
MOST_OF_GROUP, LARGEST_GROUP = 50, 0.5
#: A column varies where it has more different values. Rows are nearly copies where so many of these columns agree, up
#: to so much of the ranks; so many of these columns are looked at.
VARIED, ALIKE_CELLS, CLOSE_RANKS, MOST_COLUMNS_ALIKE = 10, 0.8, 0.002, 30
#: Rows that are asked for a near-copy, the share of them that must have one, and rows of a table that is asked.
COPIES_ASKED, SHARE_OF_COPIES, MOST_FOR_COPIES = 50, 0.1, 20_000
#: Rows below which nobody looks for ties: what a model gains by them could not be told from chance.
FEWEST_NEAR = 60
#: Ties that are measured, the surest first; rows that are learnt from for it; folds that they are asked in; and the
#: stretches of time in which errors are taken to be alike.
MOST_TIES, MOST_TIED, FOLDS_OF_TIES, BLOCKS_OF_TIME = 4, 3000, 3, 10
#: The network that measures ties: its width, steps, batch, rate and decay, and the features that it takes at most. With
#: twice the steps and less decay it learns by heart, and its honest scores are worse than those of the network to come.
QUICK_WIDTH, QUICK_STEPS, QUICK_BATCH, QUICK_RATE, QUICK_DECAY, MOST_QUICK_FEATURES = 64, 300, 64, 5e-3, 1.0, 400
#: Of a tie that is not sure it is told where the error grows by this factor, and of so many: lookup categories are
#: known again in the rows to come, and a little worse without.
WORTH_DOUBTING, MOST_DOUBTFUL_SPLITS = 1.5, 2
#: A random split flatters where the honest score is worse by so much, its error greater by this factor, and both by so
#: many standard errors (in time, by so many: ten stretches know less of chance, and a test on later rows does no harm);
#: where the error is twice as large, by fewer.
WORSE_BY, WORSE_ERRORS, WORSE_SURELY, WORSE_IN_TIME, TWICE, TWICE_SURELY = 0.02, 1.1, 3.0, 2.5, 2.0, 2.0

#: The share of the rows, the latest, that a second network is asked for which learnt from the earlier ones: what comes
#: is as far ahead as a fifth of what was. With a tenth, intervals of 90 % covered 68 % of later hotel bookings in place
#: of 79 %. Fewer rows on either side say nothing.
REHEARSED, FEWEST_REHEARSED = 0.2, 50
#: Stretches of time that these rows are divided into, each of which errs in its own way; at least so many, of so many
#: rows. On three splits each of rented bicycles and hotel bookings intervals of 90 % covered 90.6 % of later rows, the
#: mean, 85 to 95; without stretches 84.2 %, 77 to 92; with 5 of them 89.5, with 20 91.0 % (reaching, then, to the mean
#: of what the stretches needed and one standard deviation more).
STRETCHES, FEWEST_STRETCHES, FEWEST_OF_STRETCH = 10, 5, 30
#: The share of the stretches for each of which intervals reach far enough: of a normal distribution's draws so many lie
#: below its mean and one standard deviation.
MOST_STRETCHES = 0.84
#: The share of a time limit that the first network has where a second one follows, on four fifths of the rows.
SHARE_BEFORE = 0.6

#: Networks that learn the errors of a table too small to hold rows back, and the rows below which they say nothing. Ten
#: learn from nine tenths of the rows each, as the network itself does where rows are held back: of four fifths they err
#: more than it does, by 6 and 11 % of the mean error on two tables, in place of 4 and 10, and cover more than is asked.
FOLDS_CROSSED, FEWEST_CROSSED = 10, 20
#: Rows held back by chance below which intervals are learnt so, too, when asked for: what those of 90 % cover by m rows
#: has a standard deviation of √(.09 / m), 3 % with 100 of them. On ten splits of a table of 332 rows, 33 of them held
#: back, they covered 75 to 99 %; crossed 84 to 94 %.
HELD_BACK_THAT_TELL = 100

# --- the command line -------------------------------------------------------------------------------------------------

#: With more classes than this, scores count the five likeliest, and the worst classes and commonest mistakes stand in
#: the place of a table of all of them.
MANY_CLASSES, TOP = 30, 5
#: Mistakes and worst classes that are told, and the rows of a class from which on its share of right answers says much.
MOST_PAIRS, FEWEST_OF_WORST = 15, 5
#: Classes up to which boosting is a rival: it grows a tree for each class in each of its hundred steps.
MOST_BOOSTED_CLASSES = 50
#: Rows to learn from up to which a linear model's win is nothing unusual.
SMALL_TABLE = 500
#: From how many standard deviations on errors count less where the slope of targets on answers is sought (Huber's), and
#: below how many of them half of all lie; and how often what is far is looked at anew: after so many nothing changes.
FAR_OFF, HALF_OFF, PASSES = 1.345, 0.6745, 30
#: From how many standard errors of their difference on Huber's slope is not that of the mean.
LEANING = 2.0
#: The share of the training part that is held back to see when to stop.
VALIDATION = 0.1
#: Random orders of the groups that are tried to hold back each class in proportion: ten come within a few rows of it.
#: From so many groups on, any order does.
ORDERS_TRIED, MANY_GROUPS = 10, 2000
#: Rows with a target that a study needs: one to test on, the others to learn from.
FEWEST_ROWS = 3
#: Steps that a forecast sees and foretells unless asked otherwise: a day of hours, the next one.
WINDOW, HORIZON = 24, 1
#: Points of the picture of predictions over the truth that are kept.
MOST_POINTS = 1500
#: Steps of a forecast that are drawn, and of what was known before it.
MOST_DRAWN = 72
#: Test rows that columns are shuffled on, at most, and columns up to which each is shuffled: it takes a prediction of
#: all of these rows for every one.
MOST_SHUFFLED, MOST_RANKED = 4000, 2000
#: Rows that columns are looked at on, whether they give the target away, and such columns that are named, at most.
MOST_LOOKED_AT, MOST_LEAKS = 4000, 3
#: Columns that are looked at for leaks, a millisecond each; and steps before a forecast.
MOST_FOR_LEAKS, MOST_STEPS_FOR_LEAKS = 2000, 64
#: A column that is the future of a series leaves no more than rounding of its variance open.
ROUNDED = 1e-6
#: Rows of training among which copies of test rows are looked for, at most, and numbers of them together (256 MiB).
MOST_COMPARED, MOST_COMPARED_NUMBERS = 50_000, 2**26
#: Images taken for another class that the report names.
MOST_MISTAKES = 12
#: Rows that a diagnosis looks at, and the seconds of training from which on it takes under a twentieth of them.
DIAGNOSED, WORTH_DIAGNOSING = 128, 3.0
#: Bytes of predictions for standard output that are kept in memory until all are made; more go to a file.
KEPT_TEXT = 2**24
