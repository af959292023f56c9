// Sources of Operator
