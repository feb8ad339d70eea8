"""The loops of a module, in the language of kernels, and where in memory a program's entry has what they need.

The directory of programs lies at address 64: for each program eight 64-bit integers.
"""

DIRECTORY, PROGRAMS = 64, 15
(
    CODES,   # address of the kernels' numbers in the table of functions
    PARAMS,  # address of their parameters
    COUNT,   # how many there are
    STRIDE,  # integers from one kernel's parameters to the next one's
    STATE,   # address of the step state (cpu/slots.py)
    WANTED,  # steps to do, or the instruction to run
    DONE,    # steps done
) = range(7)
WIDTH = 8

# Fewer steps than wanted: the rows are at their end, or J or a gradient was not finite, and the step was not done.
STEPS = """def steps(p, s):
    code, params, stopped = ints(p[0]), ints(p[1]), at(ints(s[SHARED]), STOP)
    done = 0
    s[STEP] = -1
    stopped[0] = 0
    while done < p[5] and s[POSITION] < s[ROWS] and not stopped[0]:
        for i in range(p[2]):
            call(code[i], at(params, i * p[3]), s)
        done += 1
    if stopped[0]:
        done -= 1
        s[T] -= 1
        s[POSITION] = s[NOW]
    p[6] = done
"""

SINGLE = """def single(p, s):
    i = p[5]
    call(ints(p[0])[i], at(ints(p[1]), i * p[3]), s)
"""
TEXT = STEPS + SINGLE
