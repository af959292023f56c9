// Sources of Columnar
