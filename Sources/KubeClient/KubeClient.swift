// Sources of KubeClient
