"""How media programs share the CPU: their nice values, in one place. A nicer program gives way to the others.

Each step of five takes about a third of the CPU where two programs compete, so ten leave a tenth to the nicer one. All
programs of a worker are in one session: with the kernel's autogroups (the default of most distributions) nice values
count within a session only.
"""

INTERACTIVE = 0  # a person waits for the result
BACKGROUND = 10  # the rest of the ladder
EXTRA = 15  # what a title can be without
SPEECH = 19  # hours of CPU that nobody waits for, beside a ladder that somebody does
BESIDE_OTHERS = 10  # on top, for a title whose owner has another one under way: the next owner does not wait for both
NICEST = 19
