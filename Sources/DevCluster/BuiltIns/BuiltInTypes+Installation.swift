extension BuiltInTypes {
    /// What a chart brings beside Levee's own kinds. Kept as a real server keeps it, so that charts and manifests install; nothing acts on it here.
    static let installation = [workloads, networking, accessControl, disruption].joined(separator: "\n")

    private static let workloads = """
        Deployment
          apiVersion string
          kind string
          metadata#1 ObjectMeta
          spec#2 DeploymentSpec
          status#3 DeploymentStatus
        DeploymentSpec
          minReadySeconds#5 int
          paused#7 bool
          progressDeadlineSeconds#9 int = 600
          replicas#1 int = 1
          revisionHistoryLimit#6 int = 10
          selector!#2 LabelSelector@
          strategy#4 DeploymentStrategy
          template!#3 PodTemplateSpec
        DeploymentStatus
          availableReplicas#4 int
          collisionCount#8 int
          conditions#6 Condition[type]
          observedGeneration#1 long
          readyReplicas#7 int
          replicas#2 int
          terminatingReplicas#9 int
          unavailableReplicas#5 int
          updatedReplicas#3 int
        DeploymentStrategy
          rollingUpdate#2 RollingUpdate
          type#1 Recreate|RollingUpdate = "RollingUpdate"
        RollingUpdate
          maxSurge#2 intOrString
          maxUnavailable#1 intOrString
        """

    private static let networking = """
        Service
          apiVersion string
          kind string
          metadata#1 ObjectMeta
          spec#2 ServiceSpec
          status#3 ServiceStatus
        ServiceSpec
          allocateLoadBalancerNodePorts#20 bool
          clusterIP#3 string
          clusterIPs#18 string[]
          externalIPs#5 string[]
          externalName#10 string
          externalTrafficPolicy#11 string
          healthCheckNodePort#12 int
          internalTrafficPolicy#22 string
          ipFamilies#19 string[]
          ipFamilyPolicy#17 string
          loadBalancerClass#21 string
          loadBalancerIP#8 string
          loadBalancerSourceRanges#9 string[]
          ports#1 ServicePort[port,protocol]
          publishNotReadyAddresses#13 bool
          selector#2 map<string>@
          sessionAffinity#7 string = "None"
          sessionAffinityConfig#14 any
          trafficDistribution#23 string
          type#4 ClusterIP|NodePort|LoadBalancer|ExternalName = "ClusterIP"
        ServiceStatus
          conditions#2 Condition[type]
          loadBalancer#1 LoadBalancerStatus
        LoadBalancerStatus
          ingress#1 any[]
        ServicePort
          appProtocol#6 string
          name#1 string
          nodePort#5 int
          port!#3 int
          protocol#2 string = "TCP"
          targetPort#4 intOrString
        NetworkPolicy
          apiVersion string
          kind string
          metadata#1 ObjectMeta
          spec#2 NetworkPolicySpec
        NetworkPolicySpec
          egress#3 NetworkPolicyEgressRule[]
          ingress#2 NetworkPolicyIngressRule[]
          podSelector#1 LabelSelector@
          policyTypes#4 string[]
        NetworkPolicyIngressRule
          from#2 NetworkPolicyPeer[]
          ports#1 NetworkPolicyPort[]
        NetworkPolicyEgressRule
          ports#1 NetworkPolicyPort[]
          to#2 NetworkPolicyPeer[]
        NetworkPolicyPeer
          ipBlock#3 IPBlock
          namespaceSelector#2 LabelSelector@
          podSelector#1 LabelSelector@
        IPBlock
          cidr!#1 string
          except#2 string[]
        NetworkPolicyPort
          endPort#3 int
          port#2 intOrString
          protocol#1 string
        """

    private static let accessControl = """
        Role
          apiVersion string
          kind string
          metadata#1 ObjectMeta
          rules#2 PolicyRule[]
        ClusterRole
          aggregationRule#3 AggregationRule
          apiVersion string
          kind string
          metadata#1 ObjectMeta
          rules#2 PolicyRule[]
        AggregationRule
          clusterRoleSelectors#1 LabelSelector[]
        PolicyRule
          apiGroups#2 string[]
          nonResourceURLs#5 string[]
          resourceNames#4 string[]
          resources#3 string[]
          verbs!#1 string[]
        RoleBinding
          apiVersion string
          kind string
          metadata#1 ObjectMeta
          roleRef!#3 RoleReference@
          subjects#2 Subject[]
        ClusterRoleBinding
          apiVersion string
          kind string
          metadata#1 ObjectMeta
          roleRef!#3 RoleReference@
          subjects#2 Subject[]
        RoleReference
          apiGroup!#1 string
          kind!#2 string
          name!#3 string
        Subject
          apiGroup#2 string
          kind!#1 string
          name!#3 string
          namespace#4 string
        """

    private static let disruption = """
        PodDisruptionBudget
          apiVersion string
          kind string
          metadata#1 ObjectMeta
          spec#2 PodDisruptionBudgetSpec
          status any
        PodDisruptionBudgetSpec
          maxUnavailable#3 intOrString
          minAvailable#1 intOrString
          selector#2 LabelSelector@
          unhealthyPodEvictionPolicy#4 string
        """
}
