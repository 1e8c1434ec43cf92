"""The GraphQL edge: types and thin resolvers, one file per room. No rules live here."""
