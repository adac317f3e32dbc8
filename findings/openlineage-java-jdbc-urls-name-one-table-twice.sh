#!/usr/bin/env bash
# OpenLineage's Java client names a table of Redshift, Trino or Athena by the form of the JDBC URL, so one table is several datasets.
#
# Tool: openlineage-java 1.54.0 (Maven Central), JdbcDatasetUtils, with which the integration of Spark names tables of JDBC.
# Input: one table through different documented URLs: Redshift with and without the default port and with IAM, Trino with a catalog and
# with a schema beside it, Athena with the URL of driver 3.
# Guess: one namespace and name per table, as for PostgreSQL, whose default port is filled in, and as the classes Naming.Redshift,
# Naming.Trino and Naming.Athena of the same library give them.
# Observed: without the port the namespace has none; with `redshift:iam` the namespace has the database, and the name does not. A schema
# in Trino's URL makes "lake/shop" the first part of the name, also beside the schema that the table has. Athena's namespace is the
# list of properties with the bucket of results. Only a catalog alone in Trino's URL gives what the naming class gives.
# Why it matters: a job that reads over one URL and a job that writes over another one have no edge between them, and neither meets the
# tables of dbt. A consumer has to map such names before it stores them.
#
#> PostgreSQL, default port: postgres://db:5432 | dev.shop.orders
#> PostgreSQL: postgres://db:5432 | dev.shop.orders
#> Redshift: redshift://c1.eu-west-1.redshift.amazonaws.com:5439 | dev.shop.orders
#> Redshift, default port: redshift://c1.eu-west-1.redshift.amazonaws.com | dev.shop.orders
#> Redshift, IAM: redshift:iam://c1.eu-west-1.redshift.amazonaws.com:5439/dev | shop.orders
#> Naming.Redshift: redshift://c1.eu-west-1:5439 | dev.shop.orders
#> Trino, catalog: trino://lake:8080 | lake.shop.orders
#> Trino, catalog and schema: trino://lake:8080 | lake/shop.shop.orders
#> Trino, catalog and schema, short name: trino://lake:8080 | lake/shop.orders
#> Naming.Trino: trino://lake:8080 | lake.shop.orders
#> Athena: athena://Region=eu-west-1;OutputLocation=s3://results/ | shop.orders
#> Naming.Athena: awsathena://athena.eu-west-1.amazonaws.com | AwsDataCatalog.shop.orders
. "$(dirname "$0")/common.sh"
fetch_jars jars io.openlineage:openlineage-java:1.54.0 org.slf4j:slf4j-nop:1.7.36
cat >Names.java <<'JAVA'
import io.openlineage.client.dataset.Naming;
import io.openlineage.client.utils.DatasetIdentifier;
import io.openlineage.client.utils.jdbc.JdbcDatasetUtils;
import java.util.Properties;

public class Names {
  static void url(String text, String url, String table) {
    DatasetIdentifier found = JdbcDatasetUtils.getDatasetIdentifier(url, table, new Properties());
    System.out.println(text + ": " + found.getNamespace() + " | " + found.getName());
  }

  static void own(Naming.DatasetNaming naming) {
    System.out.println("Naming." + naming.getClass().getSimpleName() + ": " + naming.getNamespace() + " | " + naming.getName());
  }

  public static void main(String[] arguments) {
    String cluster = "c1.eu-west-1.redshift.amazonaws.com";
    url("PostgreSQL, default port", "jdbc:postgresql://db/dev", "shop.orders");
    url("PostgreSQL", "jdbc:postgresql://db:5432/dev", "shop.orders");
    url("Redshift", "jdbc:redshift://" + cluster + ":5439/dev", "shop.orders");
    url("Redshift, default port", "jdbc:redshift://" + cluster + "/dev", "shop.orders");
    url("Redshift, IAM", "jdbc:redshift:iam://" + cluster + ":5439/dev", "shop.orders");
    own(new Naming.Redshift("c1", "eu-west-1", "5439", "dev", "shop", "orders"));
    url("Trino, catalog", "jdbc:trino://lake:8080/lake", "shop.orders");
    url("Trino, catalog and schema", "jdbc:trino://lake:8080/lake/shop", "shop.orders");
    url("Trino, catalog and schema, short name", "jdbc:trino://lake:8080/lake/shop", "orders");
    own(new Naming.Trino("lake", "8080", "lake", "shop", "orders"));
    url("Athena", "jdbc:athena://Region=eu-west-1;OutputLocation=s3://results/", "shop.orders");
    own(new Naming.Athena("eu-west-1", "AwsDataCatalog", "shop", "orders"));
  }
}
JAVA
quietly java -cp "jars/*" Names.java >seen
compare
