"""More streams than a server can carry: those it admits must not notice, the others must hear of it soon."""
