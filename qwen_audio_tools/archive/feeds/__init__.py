"""From the bytes of a feed or an OPML file to shows and episodes; fetches nothing."""
