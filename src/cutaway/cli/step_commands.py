"""The commands that `cutaway step` knows, in the order of its help."""

#: Commands by name: what may stand behind it, what it does, its short form.
COMMANDS = {
    "Go": {
        "next": ("[N]", "run the next instruction (or N)", "n"),
        "back": ("[N]", "undo the last instruction (or N), exactly", "b"),
        "phase": ("", "run to the next phase: load, forward, loss, backward, update", "p"),
        "sample": ("[K]", "look at the next sample of the batch (or at K)", ""),
        "step": ("", "finish this step, or do the next one", "s"),
        "epoch": ("", "finish this epoch, or do the next one", "e"),
        "run": ("[N]", "do N steps, or all that are left; breakpoints and Ctrl-C stop it", "r"),
        "goto": ("N", "stand at the beginning of step N, earlier or later", "g"),
    },
    "Look": {
        "value": ("NAME [I J]", "print a value, or one number of it; without a name, list them", "v"),
        "explain": ("NAME I J", "say where a number comes from; a weight's gradient, an activation's sum", "x"),
        "watch": ("NAME [I J]", "show it at every stop; again: no longer", "w"),
        "break": ("CONDITION", "stop when it holds: nan, gradient > 10, loss < 0.1, layer1.weight 0 1 crosses 0, "
                               "dead relu 10; without one, list them", ""),
        "clear": ("[N]", "forget breakpoint N, or all", ""),
        "list": ("", "the whole program, and where it stands", "l"),
    },
    "Change": {
        "set": ("NAME [I J] X", "give a weight another value", ""),
        "freeze": ("NAME [I J]", "keep a parameter, or one weight of it, as it is", ""),
        "unfreeze": ("NAME [I J]", "train it again", ""),
        "kill": ("LAYER K", "hold the activation of neuron K at 0", ""),
        "revive": ("LAYER K", "let it work again", ""),
        "lr": ("X", "another learning rate", ""),
        "optimizer": ("NAME [LR]", "another optimizer, such as adam 0.001", ""),
        "undo": ("", "take the last change back, and go where it was made", ""),
        "log": ("", "the changes so far", ""),
        "fork": ("", "remember this moment; changes from here on can be compared with it", ""),
        "compare": ("[N]", "N more steps with and without the changes since the fork (or all), side by side", ""),
    },
    "": {"help": ("[COMMAND]", "this list", "h"), "quit": ("", "leave; Ctrl-D does it, too", "q")},
}
USAGE = {name: how for group in COMMANDS.values() for name, how in group.items()}
SHORT = {short: name for name, (*_, short) in USAGE.items() if short} | {"?": "help", "exit": "quit", "where": "list"}
REPEATED = ("next", "back", "phase", "sample", "step", "epoch", "run")
