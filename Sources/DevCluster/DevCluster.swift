// Sources of DevCluster
