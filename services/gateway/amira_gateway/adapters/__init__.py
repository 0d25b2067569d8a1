"""Foreign protocols, each a thin translation to and from the session that every client has."""
