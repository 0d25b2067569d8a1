"""Paced, open-loop load: streams of real speech that begin and go on when due, whatever a server does."""
