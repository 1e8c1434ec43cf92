"""People who are on file twice: finding them, asking somebody, joining two records and taking that back."""
