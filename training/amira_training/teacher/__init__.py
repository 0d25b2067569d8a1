"""The teacher: Moonshine tiny-en's encoder (Useful Sensors, MIT licence), which the student begins as."""
