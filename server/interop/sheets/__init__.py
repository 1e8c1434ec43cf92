"""Tables of people in any columns: how a file is read, its columns understood, and each row judged. Pure."""
