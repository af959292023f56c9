// Sources of Expressions
