"""How fast training steps and their input are, beside others."""
