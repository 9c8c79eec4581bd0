"""The checks of a server, one subject per file. Each is a comparison, so that the skill of the model cancels out.

What is varied is one thing only. If nothing in the replies follows it, a control shows whether the model could have
told: the same content where nothing can be lost. Without a control that succeeds, a check says `unclear`.
"""
