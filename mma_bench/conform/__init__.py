"""Does a server conform: does it give the model everything that was sent, and answer as the model does?"""
